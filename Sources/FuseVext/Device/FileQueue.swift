import CLinux
import HostSystem
import SystemPackage

/// The queue of a ``FileDevice``: system calls for one request, Linux AIO for several.
@safe
final class FileQueue: BlockQueue {
  private static let depth = 64

  private let device: FileDevice
  private let completed: EventDescriptor
  private var context: AIOContext
  // SAFETY: room for `depth` vectors, from the initializer to `deinit`. The kernel uses a vector, and the memory that it names, until
  // the request's completion is reaped; `performBatch` returns after that, and its caller keeps the requests, which keep their memory.
  private let vectors: UnsafeMutablePointer<iovec>

  init(_ device: FileDevice) throws(Errno) {
    self.device = device
    completed = try EventDescriptor()
    context = try AIOContext(capacity: Self.depth, eventDescriptor: completed.rawValue)
    unsafe vectors = .allocate(capacity: Self.depth)
  }

  deinit { unsafe vectors.deallocate() }

  func perform(_ request: BlockRequest) throws(Errno) {
    do throws(Errno) {
      if request.operation == .write { try checkLength() }
      try send(request)
    } catch {
      throw translated(error)
    }
  }

  /// Checks that the file is not shorter than it was, because a write would make it longer again.
  private func checkLength() throws(Errno) {
    if device.isShorter { throw .ioError }
  }

  /// Translates the error of a device that lacks the block or has disappeared: that device has failed and is not full.
  private func translated(_ error: Errno) -> Errno {
    let isGone = [.noSpace, .noSuchAddressOrDevice, .operationNotSupportedByDevice].contains(error)
    return device.isBlockDevice && isGone ? .ioError : error
  }

  private func send(_ request: BlockRequest) throws(Errno) {
    let descriptor = device.descriptor.rawValue
    switch request.operation {
    case .flush:
      try check(linux_fdatasync(descriptor))
    case .discard:
      try discard(request)
    case .read, .write:
      guard let memory = request.memory else { throw .invalidArgument }
      var done = 0
      while done < memory.count {
        let count = transfer(memory, from: done, at: request.byteOffset + UInt64(done), request.operation)
        if count == -Int64(Errno.interrupted.rawValue) { continue }
        try check(count)
        // The image became shorter.
        guard count > 0 else { throw .ioError }
        done += Int(count)
      }
    }
  }

  /// Reads or writes what is behind the first `done` bytes of the memory. Returns the number of bytes, or a negative errno.
  private func transfer(
    _ memory: BlockMemory, from done: Int, at offset: UInt64, _ operation: BlockRequest.Operation
  ) -> Int64 {
    var vector = unsafe Self.vector(memory, from: done)
    let descriptor = device.descriptor.rawValue
    return operation == .read
      ? unsafe linux_preadv(descriptor, &vector, 1, Int64(bitPattern: offset))
      : unsafe linux_pwritev(descriptor, &vector, 1, Int64(bitPattern: offset))
  }

  private static func vector(_ memory: BlockMemory, from done: Int = 0) -> iovec {
    let bytes = unsafe memory.buffer.unsafeBytes(memory.offset + done, memory.count - done)
    return unsafe iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
  }

  func perform(_ requests: [BlockRequest]) throws(Errno) {
    if requests.count == 1 { return try perform(requests[0]) }
    var failure: Errno?
    var first = 0
    if requests.contains(where: { $0.operation == .write }) { try checkLength() }
    while first < requests.count {
      let count = min(Self.depth, requests.count - first)
      failure = performBatch(requests[first..<first + count]) ?? failure
      first += count
    }
    if let failure { throw translated(failure) }
  }

  private func performBatch(_ requests: ArraySlice<BlockRequest>) -> Errno? {
    var failure: Errno?
    var slot = 0
    for (index, request) in requests.enumerated() {
      guard request.operation == .read || request.operation == .write, let memory = request.memory else {
        do throws(Errno) { try perform(request) } catch { failure = error }
        continue
      }
      unsafe vectors[slot] = unsafe Self.vector(memory)
      let token = UInt64(requests.startIndex + index)
      if request.operation == .read {
        unsafe context.enqueueRead(
          descriptor: device.descriptor.rawValue, vectors: vectors + slot, vectorCount: 1,
          offset: request.byteOffset, token: token)
      } else {
        unsafe context.enqueueWrite(
          descriptor: device.descriptor.rawValue, vectors: vectors + slot, vectorCount: 1,
          offset: request.byteOffset, token: token)
      }
      slot += 1
    }
    context.submit()
    while context.outstandingCount > 0 || context.queuedRequestCount > 0 {
      guard let completion = context.reap() else {
        if context.queuedRequestCount > 0 { context.submit() }
        if context.outstandingCount > 0 {
          completed.wait()
          completed.drain()
        }
        continue
      }
      if completion.result < 0 {
        failure = Errno(rawValue: Int32(-completion.result))
      } else {
        do throws(Errno) {
          try perform(requests[Int(completion.token)].dropping(Int(completion.result)))
        } catch {
          failure = error
        }
      }
    }
    return failure
  }

  private func discard(_ request: BlockRequest) throws(Errno) {
    let descriptor = device.descriptor.rawValue
    let (offset, count) = (Int64(bitPattern: request.byteOffset), Int64(request.byteCount))
    let result =
      device.isBlockDevice
      ? Int64(linux_block_device_discard(descriptor, request.byteOffset, UInt64(request.byteCount)))
      : linux_punch_hole(descriptor, offset, count)
    // A discard is a hint, and a device without it loses nothing.
    if result == -Int64(Errno.notSupported.rawValue) { return }
    try check(result)
  }
}
