/// What a new file starts with.
struct NewInode {
  /// Type and permissions, without the bits that the parent decides.
  var mode: UInt16
  var user: UInt32
  var group: UInt32
  /// Of a device file.
  var device: UInt64 = 0
  /// Of a symbolic link: its target.
  var target: [UInt8] = []
}
