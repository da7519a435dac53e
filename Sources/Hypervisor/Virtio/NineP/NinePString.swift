import HostSystem
import SystemPackage

/// A name or a text of a request, which may have any bytes.
struct NinePString {
  /// The bytes.
  let bytes: [UInt8]

  /// Number of bytes.
  var byteCount: Int { bytes.count }

  /// Whether it is these characters.
  func equals(_ text: String) -> Bool { bytes.elementsEqual(text.utf8) }

  /// Whether it is the name of the directory above.
  var isParent: Bool { equals("..") }

  /// The text for system calls.
  ///
  /// - Throws: EINVAL where a zero byte hides the rest, ENAMETOOLONG beyond `byteLimit`.
  func text(byteLimit: Int) throws(Errno) -> FileName {
    let name = try FileName(bytes)
    guard byteCount <= byteLimit else { throw .fileNameTooLong }
    return name
  }

  /// The name of something within a directory: not empty, no slash, neither `.` nor `..`.
  ///
  /// - Throws: EINVAL, or ENAMETOOLONG.
  func name() throws(Errno) -> FileName {
    guard byteCount > 0, !equals("."), !isParent, !bytes.contains(UInt8(ascii: "/")) else {
      throw .invalidArgument
    }
    return try text(byteLimit: NinePProtocol.nameByteLimit)
  }
}
