import SystemPackage

/// What a file system is on: an image, a block device, or the disk behind a vext queue.
///
/// Any thread may ask; requests go through a ``BlockQueue``, of which each thread makes its own.
public protocol BlockDevice: Sendable {
  /// The capacity in bytes.
  var byteCount: UInt64 { get }
  /// Offsets and lengths of requests are multiples of this power of two.
  var logicalBlockByteCount: Int { get }
  /// Whether writes are refused.
  var isReadOnly: Bool { get }
  /// How many queues there can be at once.
  var queueLimit: Int { get }
  /// What the user called it.
  var name: String { get }

  /// Why nothing may be written any more, as somebody else has changed or uses the device; nil while all is well.
  func problem() -> String?

  /// A queue for the thread that calls.
  func makeQueue() throws(Errno) -> any BlockQueue

  /// Page-aligned memory that requests of any queue use without a copy.
  func allocateBuffer(byteCount: Int) throws(Errno) -> BlockBuffer
}

extension BlockDevice {
  /// For devices that nobody else can reach.
  public func problem() -> String? { nil }
}
