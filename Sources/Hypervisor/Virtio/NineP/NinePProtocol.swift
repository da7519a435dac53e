/// Numbers of 9P2000.L that belong to no single message, and what this server allows.
enum NinePProtocol {
  /// The one dialect that is spoken.
  static let version = "9P2000.L"
  /// The answer to a dialect that is not.
  static let unknownVersion = "unknown"
  /// Type of the answer that carries an error number.
  static let errorType: UInt8 = 7
  /// The tag of a message that has none (Tversion).
  static let noTag: UInt16 = .max
  /// The fid that stands for none.
  static let noFid: UInt32 = .max
  /// The user number that stands for none.
  static let noUser: UInt32 = .max
  /// size[4] type[1] tag[2]
  static let headerByteCount = 7
  /// An answer that carries data: the header and count[4].
  static let dataHeaderByteCount = 11
  /// Twrite before its data: the header, fid[4] offset[8] count[4].
  static let writeHeaderByteCount = 23
  /// The most names of one Twalk.
  static let walkNameLimit = 16
  /// The type of this file system in statfs.
  static let fileSystemType: UInt32 = 0x0102_1997

  /// The least and the most that a message may be agreed to have, in bytes.
  static let messageByteLimits = 4096...(1 << 20)
  /// The most bytes of a request that are not data of Twrite.
  static let requestHeadLimit = 16 << 10
  /// The most bytes of entries or attributes in one answer.
  static let copiedDataLimit = 64 << 10
  /// The most fids of a session: a guest's kernel keeps one for each file that it remembers.
  static let fidLimit = 1 << 18
  /// The most files and directories that a session knows by name, those above the fids' included.
  static let nodeLimit = 1 << 19
  /// The most directories above one that is known by its name; deeper ones keep their descriptors.
  static let depthLimit = 1024

  /// The most O_PATH descriptors that a session keeps in a process that may have `descriptorLimit` descriptors: a guest must
  /// not keep other devices, other shares and the control socket from having theirs.
  static func closableDescriptorLimit(descriptorLimit: Int) -> Int {
    min(1 << 14, max(16, descriptorLimit / 16))
  }
  /// The most descriptors of files that are open, or have no name, in such a process.
  static func heldDescriptorLimit(descriptorLimit: Int) -> Int { min(1 << 16, max(16, descriptorLimit / 8)) }
  /// The most bytes of one extended attribute (XATTR_SIZE_MAX), and of all that are being written.
  static let attributeByteLimit = 64 << 10
  static let pendingAttributeByteLimit = 4 << 20
  /// The longest file name and the longest target of a symbolic link (NAME_MAX, PATH_MAX less the end).
  static let nameByteLimit = 255
  static let targetByteLimit = 4095
}

/// The identity of a file on the wire, as long as the file exists.
struct NinePQid: Equatable {
  /// Bits of the type.
  struct Kind: OptionSet, Equatable {
    let rawValue: UInt8
    static let directory = Kind(rawValue: 0x80)
    static let symbolicLink = Kind(rawValue: 0x02)
    static let file: Kind = []
  }

  var kind: Kind
  /// Changes with the file's contents and status.
  var version: UInt32
  /// Different for any two files of a share.
  var path: UInt64
}

/// Bits of a file's mode, the same on the wire and in Linux.
enum NinePMode {
  static let typeMask: UInt32 = 0o170000
  static let fifo: UInt32 = 0o010000
  static let characterDevice: UInt32 = 0o020000
  static let directory: UInt32 = 0o040000
  static let blockDevice: UInt32 = 0o060000
  static let regular: UInt32 = 0o100000
  static let symbolicLink: UInt32 = 0o120000
  static let socket: UInt32 = 0o140000
  /// Permissions, and the set-user-ID, set-group-ID and sticky bits.
  static let permissions: UInt32 = 0o7777
  /// The set-user-ID and set-group-ID bits.
  static let setID: UInt32 = 0o6000
}
