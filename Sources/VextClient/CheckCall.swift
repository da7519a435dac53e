import SystemPackage

/// Turns the -errno convention of the C shims into a thrown error.
@discardableResult
func check<Result: SignedInteger>(_ result: Result) throws(Errno) -> Result {
  guard result >= 0 else { throw Errno(rawValue: CInt(-result)) }
  return result
}

/// Runs `body`, and names the failed object in the error.
func naming<Result: ~Copyable>(
  _ what: @autoclosure () -> String, _ body: () throws(Errno) -> Result
) throws(VextClientError) -> Result {
  do { return try body() } catch { throw .system(what(), error) }
}
