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
