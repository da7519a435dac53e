/// Counts of a network device since it was made.
public struct VirtioNetStatistics: Equatable, Sendable {
  /// Frames that the guest received.
  public var receivedFrames: UInt64
  /// Frames for the guest that were dropped because they were too long for its buffers.
  public var receiveDrops: UInt64
  /// Receive buffers of the guest that are too small for a header.
  public var refusedBuffers: UInt64
  /// Frames that the guest sent.
  public var sentFrames: UInt64
  /// Frames of the guest that were dropped: too short, too long, or refused by the network.
  public var sendDrops: UInt64

  /// Makes counts, for comparisons.
  public init(
    receivedFrames: UInt64 = 0, receiveDrops: UInt64 = 0, refusedBuffers: UInt64 = 0, sentFrames: UInt64 = 0,
    sendDrops: UInt64 = 0
  ) {
    self.receivedFrames = receivedFrames
    self.receiveDrops = receiveDrops
    self.refusedBuffers = refusedBuffers
    self.sentFrames = sentFrames
    self.sendDrops = sendDrops
  }
}
