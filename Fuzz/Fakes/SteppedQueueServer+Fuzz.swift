import Hypervisor
import TestSupport

extension SteppedQueueServer {
  /// An engine of the input's choice; rarely libaio, whose end the kernel takes its time for.
  static func engine(_ input: inout FuzzInput) -> BlockEngineKind {
    if input.happens(oneIn: 64) { return .libaio }
    return input.pick([.sync, .null])
  }

  /// Serves each queue once. A guest whose rings say something else after each answer is not waited for.
  func pass() {
    drain()
    reap()
    _ = prepareToSleep()
    stayAwake()
  }

  /// Serves until every request has ended.
  func finish() {
    pass()
    while inFlight > 0 { reap() }
    pass()
  }
}
