/// The initial attributes of a new file.
struct NewInode {
  /// Type and permissions, without the bits that the parent decides.
  var mode: UInt16
  var user: UInt32
  var group: UInt32
  /// The bits that ``mode`` loses, unless the directory has a default access control list.
  var umask: UInt16 = 0
  /// Of a device file.
  var device: UInt64 = 0
  /// Of a symbolic link: its target.
  var target: [UInt8] = []
}
