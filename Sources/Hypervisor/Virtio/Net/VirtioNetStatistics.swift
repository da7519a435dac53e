/// What a network device has moved since it was made.
public struct VirtioNetStatistics: Equatable, Sendable {
  /// Frames that the guest received.
  public var receivedFrames: UInt64 = 0
  /// Frames for the guest that were dropped: too long for its buffers.
  public var receiveDrops: UInt64 = 0
  /// Buffers that the guest gave for receiving and that are too small for a header.
  public var refusedBuffers: UInt64 = 0
  /// Frames that the guest sent.
  public var sentFrames: UInt64 = 0
  /// Frames of the guest that were dropped: too short, too long, or refused by the network.
  public var sendDrops: UInt64 = 0
}
