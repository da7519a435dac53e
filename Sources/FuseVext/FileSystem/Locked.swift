import HostSystem

/// A value that is accessible only under its lock.
final class Locked<Value: ~Copyable>: @unchecked Sendable {
  private let lock = ThreadLock()
  private var value: Value

  init(_ value: consuming Value) { self.value = value }

  /// Runs `body` with exclusive access to the value.
  func withLock<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    try lock.exclusively { () throws(Failure) in try body(&value) }
  }
}
