import HostSystem
import SystemPackage

/// The thread that requested an operation.
struct Caller: Sendable {
  /// `fsuid` and `fsgid`.
  let user: UInt32
  let group: UInt32
  /// The thread's number in this process's PID namespace; 0 if it has none there.
  let process: Int32

  /// The server itself, and every caller under `fakeroot`, which may do everything.
  static let root = Caller(user: 0, group: 0, process: 0)

  /// Capabilities that a file system checks; the raw value is the number in linux/capability.h.
  enum Capability: UInt64 {
    case fileOwner = 3
    case keepSetID = 4
    case administration = 21
    case resources = 24
  }

  // Both read /proc, so ask them only where the answer decides something.

  /// Whether the thread has a capability; without a thread, root has all.
  func has(_ capability: Capability) -> Bool {
    guard let credentials = ProcessCredentials(of: self) else { return user == 0 }
    return credentials.capabilities & (1 << capability.rawValue) != 0
  }

  /// Whether the thread is in a group, by its primary or a supplementary group.
  func isMember(of group: UInt32) -> Bool {
    self.group == group || ProcessCredentials(of: self)?.groups.contains(group) ?? false
  }
}

/// The credentials in `/proc` of a thread that waits for an answer.
struct ProcessCredentials: Equatable {
  /// The effective capabilities; none for a thread in another user namespace, where they apply to that namespace's files.
  let capabilities: UInt64
  let groups: [UInt32]

  /// Reads the credentials; nil if the thread has ended or is not visible.
  init?(of caller: Caller) {
    guard caller.process > 0 else { return nil }
    let folder = "/proc/\(caller.process)"
    let status: String?
    do throws(SysfsError) { status = try SysfsDirectory(folder).text("status") } catch { return nil }
    guard let status else { return nil }
    self.init(
      status: status, user: caller.user,
      isInSameNamespace: Self.isSameFile("\(folder)/ns/user", "/proc/self/ns/user"))
  }

  private static func isSameFile(_ first: String, _ second: String) -> Bool {
    do throws(Errno) {
      let (one, other) = (try FilePath(first).stat(), try FilePath(second).stat())
      return one.deviceID == other.deviceID && one.inode == other.inode
    } catch {
      // A namespace that cannot be examined is not this process's.
      return false
    }
  }

  /// - Parameters:
  ///   - status: The text of `/proc/PID/status`.
  ///   - user: The `fsuid` that the thread must have; with another, the number is another thread's by now.
  init?(status: String, user: UInt32, isInSameNamespace: Bool) {
    var fields: [Substring: [Substring]] = [:]
    for line in status.split(separator: "\n") {
      let words = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
      if let first = words.first { fields[first] = Array(words.dropFirst()) }
    }
    // Real, effective, saved and file system ID.
    guard let users = fields["Uid:"], users.count == 4, UInt32(users[3]) == user,
      let text = fields["CapEff:"]?.first, let capabilities = UInt64(text, radix: 16)
    else { return nil }
    self.capabilities = isInSameNamespace ? capabilities : 0
    groups = (fields["Groups:"] ?? []).compactMap { UInt32($0) }
  }
}
