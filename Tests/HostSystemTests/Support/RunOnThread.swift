import HostSystem
import Synchronization

/// Runs `body` on a new thread, so that it can change what belongs to a thread, and returns its outcome.
func runOnThread<Value: Sendable>(
  name: String = "test", cpus: CPUSet? = nil, _ body: @escaping @Sendable () throws -> Value
) throws -> Value {
  let outcome = Box<Result<Value, any Error>?>(nil)
  try HostThread(name: name, cpus: cpus) {
    let result = Result { try body() }
    outcome.value.withLock { $0 = result }
  }.join()
  guard let result = outcome.value.withLock({ $0 }) else { throw CancellationError() }
  return try result.get()
}

/// A value that threads share.
final class Box<Value: Sendable>: Sendable {
  let value: Mutex<Value>

  init(_ value: Value) { self.value = Mutex(value) }
}
