import CLinux
import Glibc
import SystemPackage

/// What a process may do beyond its user's rights (capabilities(7)).
enum Capability: UInt64 {
  case systemAdministration = 21
  case systemResources = 24

  /// Whether a process has it over this machine: in the user namespace that this process is in. False for a process that cannot be
  /// looked at.
  ///
  /// - Parameter process: The number of a thread that waits for an answer, so that it is still the one that asked.
  func isHeld(by process: pid_t) -> Bool {
    guard process > 0, let status = Self.text(of: "/proc/\(process)/status"),
      let own = Self.target(of: "/proc/self/ns/user"),
      Self.target(of: "/proc/\(process)/ns/user") == own,
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }),
      let bits = UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16)
    else { return false }
    return bits >> rawValue & 1 != 0
  }

  private static func text(of path: String) -> String? {
    do {
      let file = try FileDescriptor.open(FilePath(path), .readOnly)
      return try file.closeAfter {
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = try unsafe bytes.withUnsafeMutableBytes { try unsafe file.read(into: $0) }
        return String(decoding: bytes[..<count], as: UTF8.self)
      }
    } catch {
      // The process is another user's, or /proc is not there.
      return nil
    }
  }

  private static func target(of path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: 256)
    let count = unsafe readlink(path, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
