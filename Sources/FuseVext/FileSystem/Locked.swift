/// A value that is reached under its lock alone.
final class Locked<Value: ~Copyable>: @unchecked Sendable {
  private let lock = ThreadLock()
  private var value: Value

  init(_ value: consuming Value) { self.value = value }

  /// Runs `body` with the value, while nobody else has it.
  func withLock<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    try lock.exclusively { () throws(Failure) in try body(&value) }
  }
}
