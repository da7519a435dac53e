import HostSystem

/// The file behind a guest's number (fid).
final class NinePFid {
  /// The permitted use of the fid.
  enum Use {
    /// To walk from, to ask and to change, not for I/O.
    case path
    /// A regular file, open for I/O.
    case file
    /// A directory that is being read: where the host's position in it is.
    case directory(position: UInt64)
    /// The value of the attribute of this name; nil: all names.
    case attributeRead(FileName?)
    /// An attribute whose value is being written; set when the fid is clunked.
    case attributeWrite(NinePPendingAttribute)
  }

  var node: NinePNode
  var use: Use
  /// Whether it is a file open for writing.
  var isWritable = false
  /// Who owns what is created; nil where the guest named nobody.
  let user: UInt32?

  init(_ node: NinePNode, use: Use = .path, user: UInt32?) {
    self.node = node
    self.use = use
    self.user = user
  }

  /// Whether it is open, for files or for attributes.
  var isOpen: Bool { if case .path = use { false } else { true } }
}

/// An extended attribute on its way into a file (Txattrcreate, then Twrite, then Tclunk).
struct NinePPendingAttribute {
  /// XATTR_CREATE, XATTR_REPLACE or neither.
  static let knownFlags: UInt32 = 3
  static let replaceFlag: UInt32 = 2

  /// The name.
  let name: FileName
  /// The announced size in bytes.
  let byteCount: Int
  let flags: UInt32
  /// The value written so far.
  var value: [UInt8] = []

  /// Linux removes an attribute by replacing it with nothing.
  var isRemoval: Bool { byteCount == 0 && flags == Self.replaceFlag }
}
