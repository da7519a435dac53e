import Synchronization
import SystemPackage

@testable import Hypervisor

/// Stands for a vhost driver of the host's kernel: it records requests, and fails those that a test names.
final class FakeVhostDriver: VhostDriver {
  private struct State {
    var requests: [VhostRequest] = []
    var failures: [(request: VhostRequest, error: Errno)] = []
    var bases: [Int: UInt16] = [:]
  }

  private let state = Mutex(State())
  private let offered: VirtioFeatures
  private let version: Int32

  init(
    features: VirtioFeatures = [.indirectDescriptors, .eventIndex, .version1, .vsockSequencedPackets],
    version: Int32 = 1
  ) {
    offered = features
    self.version = version
  }

  /// All requests, in order.
  var requests: [VhostRequest] { state.withLock { $0.requests } }

  /// Forgets the requests.
  func forget() { state.withLock { $0.requests = [] } }

  /// Makes `request` fail from now on.
  func fail(_ request: VhostRequest, _ error: Errno) {
    state.withLock { $0.failures.append((request, error)) }
  }

  /// Says that `ring` is at `base` when it is asked.
  func setBase(_ base: UInt16, ofRing ring: Int) { state.withLock { $0.bases[ring] = base } }

  /// The eventfd of the last request that `event` finds one in.
  func descriptor(_ event: (VhostRequest) -> Int32?) -> Int32? { requests.compactMap(event).last }

  func features() throws(Errno) -> VirtioFeatures { offered }

  func interfaceVersion() throws(Errno) -> Int32 { version }

  func base(ofRing ring: Int) throws(Errno) -> UInt16 { state.withLock { $0.bases[ring] ?? 0 } }

  func perform(_ request: VhostRequest) throws(Errno) {
    let error = state.withLock { state in
      state.requests.append(request)
      return state.failures.first { $0.request == request }?.error
    }
    if let error { throw error }
  }
}
