import Glibc
import HostSystem
import Hypervisor
import SystemPackage
import UserNetwork

/// `lkvm network-process POLICY USER NETWORK`: libslirp for a guest of the process that starts it. No command for people.
///
/// Descriptor 3 carries the guest's frames. On descriptor 4 it says that it is ready, by a zero byte, or why it is not, by the number of bytes of
/// a text and the text.
enum NetworkProcessCommand {
  /// The word behind `lkvm`.
  static let name = "network-process"
  private static let frames: Int32 = 3
  private static let channel: Int32 = 4
  private static let answerNanoseconds: UInt64 = 2_000_000_000

  /// The files that the process opens when it serves.
  static let rules = [
    // libslirp reads it again when it has changed; it may be a link to another folder.
    GuestSandbox.Rule(path: "/etc/resolv.conf", access: .read, isOptional: true),
    GuestSandbox.Rule(path: "/run/systemd/resolve", access: .read, isOptional: true),
    // GLib seeds its random numbers from it.
    GuestSandbox.Rule(path: "/dev/urandom", access: .read, isOptional: true),
    // Whether a debugger has breakpoints in code that is to be given back.
    GuestSandbox.Rule(path: "/proc/self/status", access: .read, isOptional: true),
  ]

  /// Serves until the guest's process closes its end.
  ///
  /// - Returns: the exit code.
  static func perform(_ words: [String]) throws(LkvmFailure) -> Int32 {
    guard words.count == 3, let policy = SandboxPolicy(rawValue: words[0]),
      let options = try? NetworkOptions(words[2]), fcntl(frames, F_GETFD) >= 0, fcntl(channel, F_GETFD) >= 0
    else { throw .usage("\(name): 'lkvm run' starts it by itself") }
    signal(SIGPIPE, SIG_IGN)
    let answer = DescriptorStream(adopting: OwnedDescriptor(adopting: channel))
    let deadline = HostClock.monotonicNanoseconds() + answerNanoseconds
    do {
      let port = try FramePort(adopting: OwnedDescriptor(adopting: frames), kind: .socket)
      let network = try UserNetwork(UserNetworkConfiguration(options), port: port)
      try restrict(policy, user: words[1].isEmpty ? nil : JailUser(words[1]))
      try answer.send([0], deadline: deadline)
      // The loader, GLib and the filters' compiler needed much code once.
      ProgramMemory.releaseStartUp()
      network.serve()
      return 0
    } catch {
      let text = Array("\(error)".utf8.prefix(Int(UInt8.max)))
      // Nobody is there to hear it if this fails.
      try? answer.send([UInt8(clamping: text.count)] + text, deadline: deadline)
      return 1
    }
  }

  /// Gives up the rights that libslirp does not need. The process has one thread.
  private static func restrict(_ policy: SandboxPolicy, user: JailUser?) throws {
    let threads = GuestThreadSandbox(
      kinds: [.network],
      // ICMP echo, where the host has no sockets for it that anybody may open.
      capabilities: [.network: .rawSockets], isJailed: user != nil)
    var lines = try threads.activate(policy)
    if let user { try user.assume() }
    lines += try GuestSandbox(rules: rules, allowsTCP: true).enforce(policy)
    try ThreadRestrictions.applyToCurrentThread(as: .network)
    // What cannot be restricted with the policy strict is said by the guest's process.
    guard policy == .log else { return }
    for line in lines { StandardError.writeWarning("--sandbox-policy log: libslirp: \(line)") }
  }
}
