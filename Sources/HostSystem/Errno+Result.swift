public import SystemPackage

/// Turns the -errno convention of the C shims into a thrown error.
@inlinable @discardableResult
package func check<Result: SignedInteger>(_ result: Result) throws(Errno) -> Result {
  guard result >= 0 else { throw Errno(rawValue: CInt(-result)) }
  return result
}
