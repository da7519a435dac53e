import CLinux
import SystemPackage

/// Bytes of a name or a text within the server's own copy of a request, followed by a zero byte. Valid until the next
/// request.
@safe
struct NinePString {
  /// The first byte.
  let pointer: UnsafePointer<CChar>
  /// Bytes without the zero at the end.
  let byteCount: Int

  init(pointer: UnsafePointer<CChar>, byteCount: Int) {
    unsafe self.pointer = unsafe pointer
    self.byteCount = byteCount
  }

  private var bytes: UnsafeRawBufferPointer { unsafe .init(start: pointer, count: byteCount) }

  /// Whether it is these ASCII characters.
  func equals(_ text: StaticString) -> Bool {
    // SAFETY: `byteCount` bytes are there, and the count is compared first.
    unsafe byteCount == text.utf8CodeUnitCount && memcmp(pointer, text.utf8Start, byteCount) == 0
  }

  /// The bytes with the zero at their end.
  var copy: [CChar] {
    // SAFETY: the zero behind the bytes is there.
    unsafe [CChar](UnsafeBufferPointer(start: pointer, count: byteCount + 1))
  }

  /// Whether it is the name of the directory above.
  var isParent: Bool { equals("..") }

  /// Whether the end is where C sees it.
  var hasNoZero: Bool { unsafe !bytes.contains(0) }

  /// What a C function can be called with.
  ///
  /// - Throws: EINVAL where a zero byte hides the rest, ENAMETOOLONG beyond `byteLimit`.
  func text(byteLimit: Int) throws(Errno) -> UnsafePointer<CChar> {
    guard hasNoZero else { throw .invalidArgument }
    guard byteCount <= byteLimit else { throw .fileNameTooLong }
    return unsafe pointer
  }

  /// The name of something within a directory: not empty, no slash, neither `.` nor `..`.
  ///
  /// - Throws: EINVAL, or ENAMETOOLONG.
  func name() throws(Errno) -> UnsafePointer<CChar> {
    guard byteCount > 0, !equals("."), !isParent, unsafe !bytes.contains(UInt8(ascii: "/")) else {
      throw .invalidArgument
    }
    return try unsafe text(byteLimit: NinePProtocol.nameByteLimit)
  }
}
