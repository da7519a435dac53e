import CLinux
import HostSystem
import SystemPackage

/// Owner, mode and device number that a guest gave a file, as ``NinePSecurity/mapped`` keeps them: in attributes with the
/// names and the little-endian numbers of QEMU's `mapped-xattr`.
struct NinePMappedStatus {
  /// What the names of all these attributes begin with.
  static let prefix = "user.virtfs."
  private static let userName = prefix + "uid"
  private static let groupName = prefix + "gid"
  private static let modeName = prefix + "mode"
  private static let deviceName = prefix + "rdev"

  /// Nil for what the guest has never set: then the host's counts.
  var user: UInt32?
  var group: UInt32?
  /// Type and permissions.
  var mode: UInt32?
  /// As stat(2) has it.
  var deviceNumber: UInt64?

  /// Nothing that the guest has set.
  init() {}

  /// Reads what the file behind `descriptor` has.
  init(of descriptor: Int32) throws(Errno) {
    user = try Self.read(Self.userName, descriptor)
    group = try Self.read(Self.groupName, descriptor)
    mode = try Self.read(Self.modeName, descriptor)
    deviceNumber = try Self.read(Self.deviceName, descriptor)
  }

  /// Throws where the file system behind `descriptor` has no attributes of users.
  static func checkSupport(_ descriptor: Int32) throws(Errno) {
    let result = unsafe modeName.withCString { unsafe linux_get_attribute(descriptor, $0, nil, 0) }
    if result == -Int64(Errno.notSupported.rawValue) { throw .notSupported }
  }

  /// Keeps what is not nil with the file behind `descriptor`.
  func store(_ descriptor: Int32) throws(Errno) {
    try Self.write(user, Self.userName, descriptor)
    try Self.write(group, Self.groupName, descriptor)
    try Self.write(mode, Self.modeName, descriptor)
    try Self.write(deviceNumber, Self.deviceName, descriptor)
  }

  /// Puts what the guest has set in place of the host's.
  ///
  /// A regular file may stand for a link, a FIFO, a socket or a device. The type of anything else is the host's: a directory
  /// of the guest's is one.
  func apply(to status: inout linux_file_status) {
    status.user = user ?? status.user
    status.group = group ?? status.group
    guard let mode else { return }
    let type = Self.type(ofMode: mode, host: status.mode)
    status.mode = type | mode & NinePMode.permissions
    if let deviceNumber, type == NinePMode.characterDevice || type == NinePMode.blockDevice {
      status.device_number = deviceNumber
    }
  }

  private static func type(ofMode mode: UInt32, host: UInt32) -> UInt32 {
    let hostType = host & NinePMode.typeMask
    guard hostType == NinePMode.regular else { return hostType }
    switch mode & NinePMode.typeMask {
    case NinePMode.symbolicLink, NinePMode.fifo, NinePMode.socket, NinePMode.characterDevice,
      NinePMode.blockDevice:
      return mode & NinePMode.typeMask
    default: return hostType
    }
  }

  private static func read<Value: FixedWidthInteger & BitwiseCopyable>(
    _ name: String, _ descriptor: Int32
  ) throws(Errno) -> Value? {
    var value: Value = 0
    let size = MemoryLayout<Value>.size
    let result = unsafe withUnsafeMutableBytes(of: &value) { bytes in
      unsafe name.withCString { unsafe linux_get_attribute(descriptor, $0, bytes.baseAddress, bytes.count) }
    }
    if result == size { return Value(littleEndian: value) }
    switch Errno(rawValue: Int32(clamping: -result)) {
    // Links and files of some file systems cannot have user attributes; one of another size was not written by a server.
    case _ where result >= 0, .noData, .notSupported, .outOfRange, .notPermitted: return nil
    case let error: throw error
    }
  }

  private static func write<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value?, _ name: String, _ descriptor: Int32
  ) throws(Errno) {
    guard var value = value?.littleEndian else { return }
    try check(
      unsafe withUnsafeBytes(of: &value) { bytes in
        unsafe name.withCString {
          unsafe linux_set_attribute(descriptor, $0, bytes.baseAddress, bytes.count, 0)
        }
      })
  }
}
