import HostSystem
import SystemPackage

/// The memory in which this back end notes the requests that are in flight, for its successor: a part for each queue
/// (vhost-user, "Inflight I/O tracking"). The front end keeps it and may write anything to it.
@safe
final class VhostInflightRegion: @unchecked Sendable {
  // SAFETY: the mapping lives as long as this object; each queue's part lies within it by the sizes that the initializers check.
  let description: VhostUserInflight.Description
  private let file: SharedMemoryFile
  let mapping: Mapping

  private static let alignment = 64

  /// The bytes of a queue's part.
  private static func stride(queueSize: UInt16) -> Int {
    let byteCount = VhostInflightQueue.headerByteCount + Int(queueSize) * VhostInflightQueue.entryByteCount
    return (byteCount + alignment - 1) & ~(alignment - 1)
  }

  /// Makes zeroed memory for `queueCount` queues of `queueSize` entries.
  init(queueCount: UInt16, queueSize: UInt16) throws(VhostUserError) {
    try Self.check(queueCount, queueSize, .getInflight)
    let byteCount = Self.stride(queueSize: queueSize) * Int(queueCount)
    description = VhostUserInflight.Description(
      byteCount: UInt64(byteCount), offset: 0, queueCount: queueCount, queueSize: queueSize)
    do throws(Errno) {
      file = try SharedMemoryFile(name: "vhost-inflight", byteCount: UInt64(byteCount))
      mapping = try Mapping.shared(descriptor: file.descriptor, byteCount: byteCount)
    } catch { throw .failed(error) }
  }

  /// Takes memory over that a front end kept.
  init(
    _ description: VhostUserInflight.Description, descriptor: consuming OwnedDescriptor
  ) throws(VhostUserError) {
    try Self.check(description.queueCount, description.queueSize, .setInflight)
    let byteCount = Self.stride(queueSize: description.queueSize) * Int(description.queueCount)
    let file: SharedMemoryFile
    do throws(SharedMemoryFile.Unfit) { file = try SharedMemoryFile(checking: descriptor) } catch {
      throw .memory("its memory for requests in flight was refused: \(error)")
    }
    guard description.offset == 0, description.byteCount == UInt64(byteCount),
      file.byteCount >= UInt64(byteCount)
    else { throw .badValue(request: VhostUserRequest.setInflight.rawValue, description.byteCount) }
    self.description = description
    do throws(Errno) {
      mapping = try Mapping.shared(descriptor: file.descriptor, byteCount: byteCount)
    } catch { throw .failed(error) }
    self.file = file
  }

  private static func check(
    _ queueCount: UInt16, _ queueSize: UInt16, _ request: VhostUserRequest
  ) throws(VhostUserError) {
    guard (1...VhostUserDeviceKind.queueLimit).contains(Int(queueCount)),
      (1...VirtioBlock.queueDepthLimit).contains(Int(queueSize))
    else { throw .badValue(request: request.rawValue, UInt64(queueCount) << 16 | UInt64(queueSize)) }
  }

  /// The descriptor for the front end, valid as long as this object lives.
  var descriptor: Int32 { file.descriptor }

  /// The part of queue `index`; nil if there is none, or the queue has more entries.
  func queue(_ index: Int, size: UInt16) -> VhostInflightQueue? {
    guard index < Int(description.queueCount), size <= description.queueSize else { return nil }
    return VhostInflightQueue(
      region: self, offset: index * Self.stride(queueSize: description.queueSize), size: size)
  }
}
