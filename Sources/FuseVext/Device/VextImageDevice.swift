import SystemPackage
import VextClient

/// The disk behind a vext function.
final class VextImageDevice: BlockDevice {
  private let device: VextBlockDevice
  let name: String

  /// Opens a function and takes it for this process.
  ///
  /// - Parameters:
  ///   - address: A PCI address; nil takes the first function that nobody uses.
  ///   - poolByteCount: Memory for the buffers of all queues.
  init(address: String?, poolByteCount: Int) throws(MountFailure) {
    let granule = 2 << 20
    do throws(VextClientError) {
      device = try VextBlockDevice.open(
        address, options: VextOpenOptions(poolByteCount: (poolByteCount + granule - 1) / granule * granule))
    } catch {
      switch error {
      case .noFunction, .noSuchFunction: throw .noVextFunction(address ?? "vext")
      case .inUse(let address): throw .inUse(address)
      default: throw .vext("\(error)")
      }
    }
    name = "vext:\(device.address)"
  }

  var byteCount: UInt64 { device.capacity }
  var logicalBlockByteCount: Int { device.blockByteCount }
  var isReadOnly: Bool { device.isReadOnly }
  var queueLimit: Int { device.limits.queueCount }

  func makeQueue() throws(Errno) -> any BlockQueue { VextBlockQueue(try device.makeQueue()) }

  func allocateBuffer(byteCount: Int) throws(Errno) -> BlockBuffer {
    let bytes = try unsafe device.pool.allocateBytes(byteCount: byteCount)
    guard let base = bytes.baseAddress else { throw .noMemory }
    let pool = device.pool
    let address = UInt(bitPattern: base)
    // SAFETY: the pool lends the bytes until `deallocate`. The buffer is their only owner and gives them back once.
    return unsafe BlockBuffer(base: base, byteCount: byteCount) {
      guard let base = unsafe UnsafeMutableRawPointer(bitPattern: address) else { return }
      unsafe pool.deallocate(UnsafeMutableRawBufferPointer(start: base, count: byteCount))
    }
  }
}

/// One vext queue.
///
/// SAFETY: the device uses a request's memory until the call returns, and so long the caller keeps the request, which keeps it.
private final class VextBlockQueue: BlockQueue {
  private let queue: VextClientQueue

  init(_ queue: VextClientQueue) { self.queue = queue }

  func perform(_ request: BlockRequest) throws(Errno) {
    try queue.wait(for: try unsafe queue.submit(Self.translated(request)))
  }

  func perform(_ requests: [BlockRequest]) throws(Errno) {
    try unsafe queue.perform(requests.map { unsafe Self.translated($0) })
  }

  private static func translated(_ request: BlockRequest) -> VextClientRequest {
    let memory = unsafe request.memory?.unsafeBytes ?? UnsafeMutableRawBufferPointer(start: nil, count: 0)
    return switch request.operation {
    case .read: unsafe .read(offset: request.byteOffset, buffer: memory)
    case .write: unsafe .write(offset: request.byteOffset, buffer: UnsafeRawBufferPointer(memory))
    case .flush: unsafe .flush
    case .discard: unsafe .discard(offset: request.byteOffset, byteCount: UInt64(request.byteCount))
    }
  }
}
