import CFuse
import SystemPackage

/// Memory for one request and for its answer, whichever way they travel.
///
/// The payload, what a WRITE brings and a READ answers, begins at a page boundary, so that the device takes it from there and puts it
/// there. In front of it is room for the rest of the message, and for a block of which a READ needs the end; behind it, for another block.
struct MessageBuffer {
  /// Where the slot lies that the kernel and the ring share.
  private static let slotOffset = 0
  private static let slotByteCount = 4096
  /// Bytes of `cfuse_ring_header.argument`.
  private static let argumentByteLimit = 128
  /// Where the payload begins.
  static let payloadOffset = slotByteCount + ServingResources.largestBlockByteCount
  /// The length of the whole.
  static let byteCount =
    payloadOffset + ServingResources.transferByteCount + ServingResources.largestBlockByteCount

  let buffer: BlockBuffer

  /// Allocates the memory from the device.
  init(_ device: any BlockDevice) throws(Errno) {
    buffer = try device.allocateBuffer(byteCount: Self.byteCount)
  }

  /// The memory for read(2), which gets a WRITE's headers in front of the payload's place.
  var received: BlockMemory {
    let start = Self.payloadOffset - (fuse_in_header.byteCount + fuse_write_in.byteCount)
    return buffer.slice(start, Self.byteCount - start)
  }

  /// The slot.
  var slot: BlockMemory { buffer.slice(Self.slotOffset, Self.slotByteCount) }

  /// The payload's place.
  var payload: BlockMemory { buffer.slice(Self.payloadOffset, ServingResources.transferByteCount) }

  /// Puts the parts of the request in the slot in front of its payload, as read(2) would give it.
  ///
  /// - Returns: The message; nil if its lengths contradict each other.
  func assemble() -> BlockMemory? {
    let headerByteCount = fuse_in_header.byteCount
    guard let messagePlace = MemoryLayout<cfuse_ring_header>.offset(of: \.message),
      let argumentPlace = MemoryLayout<cfuse_ring_header>.offset(of: \.argument),
      let payloadLengthPlace = MemoryLayout<cfuse_ring_header>.offset(of: \.payload_byte_count)
    else { return nil }
    let length = Int(slot.load(fuse_in_header.self, at: messagePlace).len)
    let payloadByteCount = Int(slot.load(UInt32.self, at: payloadLengthPlace))
    let argumentByteCount = length - headerByteCount - payloadByteCount
    guard payloadByteCount <= ServingResources.transferByteCount,
      (0...Self.argumentByteLimit).contains(argumentByteCount)
    else { return nil }
    let start = Self.payloadOffset - headerByteCount - argumentByteCount
    buffer.copy(from: slot.slice(messagePlace, headerByteCount), to: start)
    buffer.copy(from: slot.slice(argumentPlace, argumentByteCount), to: start + headerByteCount)
    return buffer.slice(start, length)
  }
}
