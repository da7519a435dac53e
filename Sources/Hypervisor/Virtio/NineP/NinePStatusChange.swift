import CLinux
import SystemPackage

/// The fields of Tsetattr, as far as they are valid.
struct NinePStatusChange {
  /// A time for utimensat(2), whose nanoseconds may say "now" or "as it is".
  struct Time {
    var seconds: Int64 = 0
    var nanoseconds = LINUX_TIME_OMIT
  }

  private struct Fields: OptionSet {
    let rawValue: UInt32
    static let mode = Fields(rawValue: 0x1)
    static let user = Fields(rawValue: 0x2)
    static let group = Fields(rawValue: 0x4)
    static let byteCount = Fields(rawValue: 0x8)
    static let access = Fields(rawValue: 0x10)
    static let modification = Fields(rawValue: 0x20)
    static let change = Fields(rawValue: 0x40)
    static let accessIsGiven = Fields(rawValue: 0x80)
    static let modificationIsGiven = Fields(rawValue: 0x100)
  }

  /// Permissions.
  private(set) var mode: UInt32?
  /// The new size.
  private(set) var byteCount: Int64?
  /// 2^32-1 keeps it.
  private(set) var user = UInt32.max
  /// 2^32-1 keeps it.
  private(set) var group = UInt32.max
  private(set) var access = Time()
  private(set) var modification = Time()
  private(set) var changesOwner = false
  private(set) var changesTimes = false

  /// - Throws: EPROTO for a message that is too short, EINVAL for a size or nanoseconds out of range.
  init(_ reader: inout NinePReader) throws(Errno) {
    let fields = Fields(rawValue: try reader.number())
    let mode = try reader.number(UInt32.self) & NinePMode.permissions
    let user = try reader.number(UInt32.self)
    let group = try reader.number(UInt32.self)
    let byteCount = try reader.number(UInt64.self)
    let access = Time(seconds: try reader.number(), nanoseconds: try reader.number())
    let modification = Time(seconds: try reader.number(), nanoseconds: try reader.number())
    if fields.contains(.mode) { self.mode = mode }
    if fields.contains(.byteCount) {
      guard let size = Int64(exactly: byteCount) else { throw .invalidArgument }
      self.byteCount = size
    }
    if fields.contains(.user) { self.user = user }
    if fields.contains(.group) { self.group = group }
    // A change of the owner to what it is moves the time of change, which is what the field alone asks for.
    changesOwner = !fields.isDisjoint(with: [.user, .group]) || fields == .change
    if fields.contains(.access) {
      self.access = try Self.time(fields.contains(.accessIsGiven) ? access : nil)
    }
    if fields.contains(.modification) {
      self.modification = try Self.time(fields.contains(.modificationIsGiven) ? modification : nil)
    }
    changesTimes = !fields.isDisjoint(with: [.access, .modification])
  }

  /// - Parameter given: nil is now.
  private static func time(_ given: Time?) throws(Errno) -> Time {
    guard let given else { return Time(nanoseconds: LINUX_TIME_NOW) }
    // Also keeps away from the numbers that mean something special.
    guard (0..<1_000_000_000).contains(given.nanoseconds) else { throw .invalidArgument }
    return given
  }
}
