/// An extended attribute on its way into a file (Txattrcreate, then Twrite, then Tclunk).
struct NinePPendingAttribute {
  /// XATTR_CREATE, XATTR_REPLACE or neither.
  static let knownFlags: UInt32 = 3
  static let replaceFlag: UInt32 = 2

  /// The name, zero at the end.
  let name: [CChar]
  /// The announced size in bytes.
  let byteCount: Int
  let flags: UInt32
  /// The value written so far.
  var value: [UInt8] = []

  /// Linux removes an attribute by replacing it with nothing.
  var isRemoval: Bool { byteCount == 0 && flags == Self.replaceFlag }
}
