import VextProtocol

/// A queue that vextd serves.
final class ServiceVextQueue: VextQueuePort {
  private let index: UInt16
  private let client: VextServiceClient
  private let signals: VextSignals?
  private let doorbell: VextDoorbell?

  init(index: UInt16, client: VextServiceClient, signals: VextSignals?, doorbell: VextDoorbell?) {
    self.index = index
    self.client = client
    self.signals = signals
    self.doorbell = doorbell
  }

  func enable(_ setup: VextQueueSetup) throws(VextQueueFault) {
    try client.enable(
      index,
      VextServiceRegistration(
        setup: setup, doorbell: doorbell, interrupts: signals?.interrupts, vector: index,
        contention: signals?.contention))
  }

  /// Waits for the service as long as it is there: only it knows what it still touches.
  func disable(nanoseconds: UInt64) -> Bool {
    client.disable(index)
    return true
  }

  var isQuiet: Bool { true }

  var fault: VextQueueFault { client.fault(of: index) }
}
