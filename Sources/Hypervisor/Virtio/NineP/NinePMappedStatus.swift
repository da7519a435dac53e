import CLinux
import HostSystem
import SystemPackage

/// Owner, mode and device number that a guest gave a file, as ``NinePSecurity/mapped`` keeps them: in attributes with the
/// names and the little-endian numbers of QEMU's `mapped-xattr`.
struct NinePMappedStatus {
  /// What the names of all these attributes begin with.
  static let prefix = "user.virtfs."
  private static let userName = FileName("user.virtfs.uid")
  private static let groupName = FileName("user.virtfs.gid")
  private static let modeName = FileName("user.virtfs.mode")
  private static let deviceName = FileName("user.virtfs.rdev")

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
    do throws(Errno) {
      _ = try DirectoryFiles.attributeByteCount(modeName, of: descriptor)
    } catch {
      // Any other error, such as ENODATA, is that of a file system with attributes.
      if error == .notSupported { throw error }
    }
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
    _ name: FileName, _ descriptor: Int32
  ) throws(Errno) -> Value? {
    let size = MemoryLayout<Value>.size
    do throws(Errno) {
      let bytes = try DirectoryFiles.attribute(name, of: descriptor, limit: size)
      // One of another size was not written by a server.
      guard bytes.count == size else { return nil }
      return bytes.reversed().reduce(0) { $0 << 8 | Value($1) }
    } catch {
      // Links and files of some file systems cannot have user attributes.
      guard [.noData, .notSupported, .outOfRange, .notPermitted].contains(error) else { throw error }
      return nil
    }
  }

  private static func write<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value?, _ name: FileName, _ descriptor: Int32
  ) throws(Errno) {
    guard let value else { return }
    let bytes = (0..<MemoryLayout<Value>.size).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    try DirectoryFiles.setAttribute(name, of: descriptor, to: bytes)
  }
}
