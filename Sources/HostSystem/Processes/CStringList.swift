import Glibc
import SystemPackage

/// Strings as C takes a list of them: pointers, ended by a null pointer.
@safe
final class CStringList {
  /// Valid for as long as this object lives.
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  /// Copies `strings`.
  ///
  /// - Throws: `EINVAL` if one has a zero byte, which would end it early; `ENOMEM`.
  init(_ strings: [String]) throws(Errno) {
    guard !strings.contains(where: { $0.utf8.contains(0) }) else { throw .invalidArgument }
    count = strings.count + 1
    unsafe pointers = .allocate(capacity: count)
    unsafe pointers.initialize(repeating: nil, count: count)
    for (index, string) in strings.enumerated() {
      unsafe pointers[index] = strdup(string)
      // The rest is freed by deinit.
      if unsafe pointers[index] == nil { throw .noMemory }
    }
  }

  deinit {
    for index in 0..<count { unsafe free(pointers[index]) }
    unsafe pointers.deallocate()
  }
}
