import SystemPackage

/// What a file system is on: an image, a block device, or the disk behind a vext queue.
///
/// Any thread may ask; requests go through a ``BlockQueue``, of which each thread makes its own.
public protocol BlockDevice: Sendable {
  /// The capacity in bytes.
  var byteCount: UInt64 { get }
  /// The logical block size in bytes, a power of two; offsets and lengths of requests are multiples of it.
  var logicalBlockByteCount: Int { get }
  /// Whether writes are refused.
  var isReadOnly: Bool { get }
  /// Maximum number of queues at a time.
  var queueLimit: Int { get }
  /// The name that the user gave.
  var name: String { get }

  /// The reason why writing must stop, because another user has changed or uses the device; nil if there is none.
  func problem() -> String?

  /// Makes a queue for the calling thread.
  func makeQueue() throws(Errno) -> any BlockQueue

  /// Allocates page-aligned memory that requests of any queue use without a copy.
  func allocateBuffer(byteCount: Int) throws(Errno) -> BlockBuffer
}

extension BlockDevice {
  /// Returns nil, for devices that no other user can reach.
  public func problem() -> String? { nil }
}
