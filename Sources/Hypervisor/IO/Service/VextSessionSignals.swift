import HostSystem
import SystemPackage
import VextProtocol

/// The eventfds that a client passed with a queue. The client may do anything to them.
struct VextSessionSignals {
  private var doorbell: ForeignVextDoorbell?
  private var interrupt: ForeignVextInterrupt?

  /// Takes one descriptor for each of `features` from `packet`.
  ///
  /// - Throws: EINVAL where one is missing or no eventfd.
  init(
    _ features: VextFeatures, _ packet: inout ReceivedPacket, signaller: EventSignaller
  ) throws(Errno) {
    if features.contains(.doorbell) {
      doorbell = ForeignVextDoorbell(event: try Self.take(&packet, signaller))
    }
    if features.contains(.interrupt) {
      interrupt = ForeignVextInterrupt(event: try Self.take(&packet, signaller), signaller: signaller)
    }
  }

  private static func take(
    _ packet: inout ReceivedPacket, _ signaller: EventSignaller
  ) throws(Errno) -> ForeignEventDescriptor {
    guard let descriptor = packet.takeDescriptor() else { throw .invalidArgument }
    return try ForeignEventDescriptor(checking: descriptor, by: signaller)
  }

  /// Sleep and wake of the queue, whose wake block is `block`.
  func wake(_ features: VextFeatures, _ block: GuestWakeBlock, continues: Bool) -> VextWake {
    VextWake(
      features: features, block: block, doorbell: doorbell, interrupt: interrupt.map { .foreign($0) },
      continues: continues)
  }
}
