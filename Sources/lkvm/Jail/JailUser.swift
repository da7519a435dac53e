import CLinux
import Glibc
import HostSystem
import SystemPackage

/// The user and the group that a jailed process belongs to.
struct JailUser: Equatable {
  /// The user's number.
  let user: UInt32
  /// The number of its group.
  let group: UInt32

  /// Capabilities of the main thread until the guest starts: for files, taps and ports that the options name.
  private static let whileOpening: Capabilities = [
    .overrideAccess, .overrideReading, Capabilities(rawValue: 1 << 10), Capabilities(rawValue: 1 << 12),
  ]

  /// Looks up a name, or reads UID:GID.
  ///
  /// - Throws: a failure for a user that does not exist, and for root.
  init(_ text: String) throws(LkvmFailure) {
    let numbers = text.split(separator: ":", omittingEmptySubsequences: false)
    if numbers.count == 2, let user = UInt32(numbers[0]), let group = UInt32(numbers[1]), user < .max,
      group < .max
    {
      (self.user, self.group) = (user, group)
    } else {
      var (user, group): (UInt32, UInt32) = (0, 0)
      // SAFETY: the name ends with a zero byte, and the call writes both numbers.
      let result = unsafe text.withCString { unsafe linux_find_user($0, &user, &group) }
      guard result >= 0 else {
        let error = Errno(rawValue: -result)
        let reason = error == .noSuchFileOrDirectory ? "there is no such user" : "\(error)"
        throw .usage("--jail \(text): \(reason); give a user's name, or UID:GID")
      }
      (self.user, self.group) = (user, group)
    }
    guard user != 0, group != 0 else {
      throw .usage("--jail \(text): root's rights would stay; name another user")
    }
  }

  /// The numbers, as the option takes them.
  var text: String { "\(user):\(group)" }

  /// Makes the process one of this user, without further groups. The calling thread keeps what opens the guest's files.
  func assume() throws(Errno) {
    try check(linux_become_user(user, group, Self.whileOpening.rawValue))
  }
}
