import SystemPackage

/// A name or a path in the form of system calls: bytes, the last of which alone is zero.
package struct FileName: Hashable, Sendable {
  /// The bytes with the zero at their end.
  package let bytes: [CChar]

  /// A name of these bytes, to which the zero is added.
  ///
  /// - Throws: EINVAL if a zero byte would hide the rest.
  package init(_ name: some Collection<UInt8>) throws(Errno) {
    var bytes: [CChar] = []
    bytes.reserveCapacity(name.count + 1)
    for byte in name {
      guard byte != 0 else { throw .invalidArgument }
      bytes.append(CChar(bitPattern: byte))
    }
    bytes.append(0)
    self.bytes = bytes
  }

  /// A name of the characters of `text` up to the first zero.
  package init(_ text: StaticString) {
    bytes = "\(text)".utf8.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
  }

  /// Number of bytes without the zero.
  package var byteCount: Int { bytes.count - 1 }

  /// The bytes without the zero.
  package var utf8: [UInt8] { bytes.dropLast().map { UInt8(bitPattern: $0) } }
}
