import Glibc
public import SystemPackage

/// Turns the -errno convention of the C shims into a thrown error.
@inlinable @discardableResult
package func check<Result: SignedInteger>(_ result: Result) throws(Errno) -> Result {
  guard result >= 0 else { throw Errno(rawValue: CInt(-result)) }
  return result
}

/// Turns the convention of C's functions, which return -1 and set errno, into a thrown error. Call it with the function's result at
/// once, before anything else can set errno.
@inline(__always) @discardableResult
package func checkErrno(_ result: CInt) throws(Errno) -> CInt {
  guard result >= 0 else { throw Errno(rawValue: errno) }
  return result
}

/// The same for functions that return an offset or a number of bytes.
@inline(__always) @discardableResult
package func checkErrno(_ result: Int) throws(Errno) -> Int {
  guard result >= 0 else { throw Errno(rawValue: errno) }
  return result
}
