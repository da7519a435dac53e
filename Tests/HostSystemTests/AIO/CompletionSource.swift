@testable import HostSystem

/// What both of the kernel's asynchronous interfaces offer to a test that waits.
protocol CompletionSource: ~Copyable {
  var outstandingCount: Int { get }
  mutating func reap() -> AIOCompletion?
}

extension AIOContext: CompletionSource {}
extension IOUring: CompletionSource {}

extension CompletionSource where Self: ~Copyable {
  /// Waits for all outstanding requests; by token, because they complete in any order.
  mutating func reapAll() -> [AIOCompletion] {
    var completions: [AIOCompletion] = []
    let deadline = HostClock.monotonicNanoseconds() + 30_000_000_000
    while outstandingCount > 0, HostClock.monotonicNanoseconds() < deadline {
      if let completion = reap() { completions.append(completion) }
    }
    return completions.sorted { $0.token < $1.token }
  }
}
