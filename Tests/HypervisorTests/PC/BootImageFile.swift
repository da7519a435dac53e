import Glibc

/// A file of the given bytes, gone when the test is done with it.
final class BootImageFile {
  let path: String

  init(_ bytes: [UInt8]) {
    var template = Array("/tmp/vext-boot-XXXXXX".utf8CString)
    // SAFETY: the template ends in a zero byte, and the array has its count of bytes.
    let descriptor = unsafe mkstemp(&template)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let count = unsafe write(descriptor, bytes, bytes.count)
    precondition(count == bytes.count, "the temporary file cannot be written")
    close(descriptor)
  }

  deinit { unsafe unlink(path) }
}
