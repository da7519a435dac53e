import CLinux
import Glibc
import HostSystem
import Hypervisor
import SystemPackage

/// The jail of `--jail`: a process with namespaces, a root and a user of its own.
///
/// The order: the process joins the control group while it has root's rights, and moves into its namespaces while it has one thread
/// (``isolate(_:from:named:)``). It opens the kernel, the machine, the control socket and the display outside. Then it changes the root and the
/// user, and keeps the capabilities that open the other files (``enter(_:rules:)``). Landlock comes next, because it forbids mounts.
/// Threads of the guest give up the capabilities when they start, and the main thread before the guest does
/// (``giveUpCapabilities()``).
struct Jail {
  /// Descriptors of a jailed process: as many as the user network's flows and shares need.
  private static let descriptorLimit: UInt64 = 16_384
  /// `CAP_KILL`: the supervisor passes signals on to a process of another user.
  private static let supervisorRights: Capabilities = [.overrideAccess, Capabilities(rawValue: 1 << 5)]

  private let option: JailOption
  /// Whom the process belongs to.
  let user: JailUser
  private let sharesNetwork: Bool
  /// Stands for the process that started this one.
  private let supervisor: Int32

  /// Moves the calling process, which has one thread, into a control group and namespaces. What was the process waits as supervisor: it passes
  /// signals on, removes the control socket at the end, and ends as the jailed process did.
  ///
  /// - Parameters:
  ///   - directory: where the control socket is.
  ///   - name: the guest's.
  /// - Returns: in the jailed process alone.
  static func isolate(
    _ option: JailOption, _ options: RunSettings, from directory: InstanceDirectory, named name: String
  )
    throws(LkvmFailure) -> Jail
  {
    guard geteuid() == 0 else { throw LkvmFailure("--jail: only root can make a jail; start lkvm as root") }
    let user = try JailUser(option.user)
    let group = try option.controlGroup.map { path throws(LkvmFailure) in try Self.openGroup(path) }
    if let root = option.root { try Self.checkRoot(root) }
    var supervisor: Int32 = -1
    // SAFETY: the call writes the descriptor's number.
    let child = unsafe linux_fork_supervised(&supervisor)
    guard child >= 0 else { throw LkvmFailure("--jail: a process of its own: \(Errno(rawValue: -child))") }
    if child > 0 { supervise(child, directory, name) }
    // A window is refused; VNC's clients come by the network.
    let sharesNetwork =
      !GuestPlan.networks(options).isEmpty || options.devices.displayMode != nil
      || options.devices.vsock != nil
    let jail = Jail(option: option, user: user, sharesNetwork: sharesNetwork, supervisor: supervisor)
    do throws(Errno) {
      if let group { try Self.join(group) }
      try jail.leaveNamespaces()
    } catch {
      throw LkvmFailure("--jail: \(error)")
    }
    return jail
  }

  private func leaveNamespaces() throws(Errno) {
    try check(linux_end_with_supervisor(supervisor))
    try check(linux_lower_core_limit())
    try check(linux_lower_message_limit())
    try check(linux_lower_descriptor_limit(Self.descriptorLimit))
    let network = sharesNetwork ? 0 : LINUX_NEW_NETWORK
    try check(
      linux_leave_namespaces(
        LINUX_NEW_MOUNTS | LINUX_NEW_CONTROL_GROUPS | LINUX_NEW_HOST_NAME | LINUX_NEW_IPC | network))
    try check(linux_keep_mounts_private())
  }

  /// Opens the list of a control group's processes.
  private static func openGroup(_ path: String) throws(LkvmFailure) -> OwnedDescriptor {
    do throws(Errno) {
      let list = try OwnedDescriptor.open("\(path)/cgroup.procs", flags: O_WRONLY)
      // Version 1 has files of that name too.
      guard try DirectoryFiles.fileSystemStatus(of: list.rawValue).type == LINUX_CONTROL_GROUP_MAGIC else {
        throw Errno.invalidArgument
      }
      return list
    } catch {
      throw LkvmFailure("--jail: cgroup \(path): \(error); wanted a folder of cgroup2 that is there")
    }
  }

  private static func join(_ group: borrowing OwnedDescriptor) throws(Errno) {
    // 0 is the process that writes it.
    _ = try DescriptorBytes.write(group.rawValue, [UInt8(ascii: "0")].span)
  }

  /// Refuses a folder in which another user than root could put links in the way of what is mounted there.
  private static func checkRoot(_ path: String) throws(LkvmFailure) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else {
      throw LkvmFailure("--jail: chroot \(path): \(Errno(rawValue: errno))")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw LkvmFailure("--jail: chroot \(path): not a folder")
    }
    guard status.st_uid == 0, status.st_mode & 0o022 == 0 else {
      throw LkvmFailure("--jail: chroot \(path): must be root's, and writable by no one else")
    }
  }

  /// Waits for the jailed process, with the rights that this needs, and ends as it did.
  private static func supervise(_ child: Int32, _ directory: InstanceDirectory, _ name: String) -> Never {
    // Where a right cannot be given up, the guest has no more of it than before.
    try? Privileges.forbidNew()
    try? supervisorRights.limitCurrentThread()
    _ = linux_close_all()
    let code = linux_supervise(child)
    // The jailed process does not reach it. A failure leaves a dead socket, which the next start or list removes.
    try? directory.removeSocket(ofDead: name)
    if code >= 256 { linux_end_by_signal(code - 256) }
    Glibc.exit(code < 0 ? 1 : code)
  }

  /// Changes the root and the user of the process. Threads that serve the guest must not exist yet.
  ///
  /// - Parameters:
  ///   - plan: gets the places where shared folders are from now on.
  ///   - rules: the files that are opened from now on.
  func enter(_ plan: inout GuestPlan, rules: [GuestSandbox.Rule]) throws(LkvmFailure) {
    var contents = JailContents()
    let shares = Set(plan.configuration.shares.map(\.directory))
    // The process of a network in user space gets the new root too.
    let rules = rules + (plan.networks.contains { $0.mode == .user } ? NetworkProcessCommand.rules : [])
    for rule in rules where !shares.contains(rule.path) { try contents.add(rule) }
    contents.add(sockets: plan.configuration)
    contents.moveShares(&plan.configuration)
    do throws(Errno) {
      try contents.becomeRoot(option.root)
      try check(linux_clear_environment())
      try user.assume()
      try check(linux_end_with_supervisor(supervisor))
      try check(linux_close(supervisor))
    } catch {
      throw LkvmFailure("--jail: \(error)")
    }
  }

  /// Takes the last capabilities from the calling thread, once everything is open.
  static func giveUpCapabilities() throws(LkvmFailure) {
    do throws(Errno) { try Capabilities().limitCurrentThread() } catch {
      throw LkvmFailure("--jail: capabilities: \(error)")
    }
  }
}
