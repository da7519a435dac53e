import CLinux
import HostSystem
import Hypervisor
import SystemPackage

/// The rights that a guest's process keeps: those that its options name. A hole in a device then leads to these files and no
/// others.
struct GuestSandbox {
  /// A file, or a directory with all below it, and what may be done there.
  struct Rule: Equatable {
    let path: String
    let access: LandlockAccess
    /// Whether it may be missing.
    var isOptional = false
  }

  /// What is kept.
  let rules: [Rule]
  /// Whether TCP is: for the process of a network in user space.
  let allowsTCP: Bool
  /// Why files cannot be restricted, if they cannot.
  let obstacle: String?

  /// Rights that are known.
  init(rules: [Rule], allowsTCP: Bool) {
    (self.rules, self.allowsTCP) = (rules, allowsTCP)
    obstacle = nil
  }

  /// Collects what `plan` needs after its kernel, modules and statistics file have been opened.
  ///
  /// - Parameters:
  ///   - home: the folder of control sockets and roots.
  ///   - kvm: KVM's device file.
  ///   - isJailed: whether the machine is made, and another process removes the control socket.
  init(_ plan: GuestPlan, initrd: String?, home: String, kvm: String, isJailed: Bool = false) {
    let configuration = plan.configuration
    var rules = [
      Rule(path: "/dev/null", access: [.read, .write]),
      // The server of shared folders opens what it has found by /proc/self/fd; statistics are in /proc/self.
      Rule(path: "/proc/self", access: .read),
      Rule(path: "/proc/sys/kernel", access: .read, isOptional: true),
      // Messages carry the local time.
      Rule(path: "/etc/localtime", access: .read, isOptional: true),
      Rule(path: "/usr/share/zoneinfo", access: .read, isOptional: true),
    ]
    if !isJailed {
      rules.append(Rule(path: kvm, access: [.read, .write, .controlDevices], isOptional: true))
      // The control socket is removed at the end.
      rules.append(Rule(path: home, access: [.listDirectory, .removeFile]))
    }
    // Firmware has been read as a whole.
    if let kernel = configuration.kernel {
      // Without a RAM disk of the user's, the modules of one are read while the machine is made.
      rules.append(Rule(path: initrd ?? "/lib/modules", access: .read, isOptional: true))
      // "lkvm debug" names the kernel's functions.
      for path in KernelSymbols.candidates(kernel: kernel.path, release: kernel.kernelRelease) {
        rules.append(Rule(path: path, access: .read, isOptional: true))
      }
    }
    for disk in configuration.disks + configuration.vextDisks {
      // A missing file is an error of its own, reported later.
      rules.append(
        Rule(
          path: disk.path,
          access: disk.isReadOnly ? [.read, .controlDevices] : [.read, .write, .controlDevices],
          isOptional: true))
      for path in DiskImage.backingFiles(of: disk.path, formats: disk.formats) {
        rules.append(Rule(path: path, access: .read, isOptional: true))
      }
    }
    for share in configuration.shares {
      rules.append(
        Rule(
          path: share.directory, access: share.isReadOnly ? .read : [.read, .write, .makeAndRemove],
          isOptional: true))
    }
    let vhost = [
      configuration.contextID.map { _ in VhostVsock.path },
      configuration.scsiTargets.first.map { _ in VhostSCSI.path },
    ]
    for path in vhost.compactMap(\.self) {
      rules.append(Rule(path: path, access: [.read, .write, .controlDevices], isOptional: true))
    }
    if !configuration.pseudoTerminals.isEmpty {
      for path in ["/dev/ptmx", "/dev/pts"] {
        rules.append(Rule(path: path, access: [.read, .write, .controlDevices]))
      }
    }
    for network in plan.networks where network.mode == .tap {
      let path = network.tapInterface.flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/dev/net/tun"
      rules.append(Rule(path: path, access: [.read, .write, .controlDevices], isOptional: true))
      guard network.usesVhost else { continue }
      rules.append(
        Rule(path: VirtioNet.vhostPath, access: [.read, .write, .controlDevices], isOptional: true))
    }
    self.rules = rules
    // A network in user space is a process of its own.
    allowsTCP = false
    obstacle =
      plan.networks.contains(where: \.runsScripts) ? "--network script= and downscript= run programs" : nil
  }

  /// Restricts the calling thread, and all threads that it starts from now on, as `policy` says.
  ///
  /// - Parameter coverage: what the kernel's Landlock can restrict; nil: nothing.
  /// - Returns: what could not be restricted, in sentences.
  func enforce(
    _ policy: SandboxPolicy, coverage: LandlockRuleset.Coverage? = LandlockRuleset.coverage
  ) throws(LkvmFailure) -> [String] {
    switch policy {
    case .off: return []
    case .log: return description
    case .strict: break
    }
    do throws(Errno) { try Privileges.forbidNew() } catch {
      throw LkvmFailure("--sandbox-policy: no_new_privs: \(error)")
    }
    if let obstacle { return ["files are not restricted: \(obstacle)"] }
    guard let coverage else {
      return ["files are not restricted: this kernel has no Landlock, or it is switched off (lsm=)"]
    }
    do throws(Errno) {
      let ruleset = try LandlockRuleset(coverage, allowsTCP: allowsTCP)
      for rule in rules {
        do throws(Errno) { try ruleset.allow(rule.path, rule.access) } catch {
          // An optional path that is missing fails with its own message when it is opened.
          guard rule.isOptional else { throw error }
        }
      }
      try ruleset.enforce()
    } catch {
      throw LkvmFailure("--sandbox-policy: Landlock: \(error)")
    }
    return []
  }

  /// The rules, one a line.
  private var description: [String] {
    ["would keep \(allowsTCP ? "TCP and these files" : "these files, and no TCP"):"]
      + rules.map { "  \($0.path): \($0.access.words)" }
      + (obstacle.map { ["but not restrict files: \($0)"] } ?? [])
  }
}

extension LandlockAccess {
  /// Listing a directory, without reading its files.
  fileprivate static let listDirectory = LandlockAccess(rawValue: LINUX_LANDLOCK_READ_DIRECTORY)
  /// Removing files and sockets.
  fileprivate static let removeFile = LandlockAccess(rawValue: LINUX_LANDLOCK_REMOVE_FILE)

  fileprivate var words: String {
    var words: [String] = []
    if contains(.read) { words.append("read") } else if contains(.listDirectory) { words.append("list") }
    if contains(.write) { words.append("write") }
    if contains(.makeAndRemove) {
      words.append("make and remove")
    } else if contains(.removeFile) {
      words.append("remove")
    }
    if contains(.controlDevices) { words.append("ioctl") }
    return words.joined(separator: ", ")
  }
}
