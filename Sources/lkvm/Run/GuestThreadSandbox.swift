import CLinux
import Glibc
import HostSystem
import Hypervisor

/// What each thread of a guest's process may do: the system calls of its kind, and the capabilities that the options need.
struct GuestThreadSandbox {
  /// The kinds of threads that this guest has and that are restricted.
  let kinds: [ThreadKind]
  /// The capabilities that the kinds keep if the process has them; the other kinds keep none.
  let capabilities: [ThreadKind: Capabilities]

  /// Whether the process is another user's, whose threads keep no capability, whatever the policy.
  private let isJailed: Bool

  /// System calls that the options need beside those of the kind.
  let additionalCalls: [ThreadKind: [SystemCallRule]]

  /// Threads whose kinds and capabilities are known.
  init(kinds: [ThreadKind], capabilities: [ThreadKind: Capabilities], isJailed: Bool) {
    (self.kinds, self.capabilities, self.isJailed) = (kinds, capabilities, isJailed)
    additionalCalls = [:]
  }

  /// Collects what `plan` needs.
  ///
  /// - Parameters:
  ///   - home: the folder of control sockets.
  ///   - isJailed: whether the process is another user's than root's.
  init(_ plan: GuestPlan, home: String, isJailed: Bool = false) {
    self.isJailed = isJailed
    let configuration = plan.configuration
    let hasVext = !configuration.vextDisks.isEmpty || !configuration.serviceDisks.isEmpty
    let hasVhostUser = !configuration.vhostUserDisks.isEmpty || !configuration.vhostUserFileSystems.isEmpty
    // The main thread runs the script at the end.
    let runsScript = plan.networks.contains { $0.mode == .tap && $0.downScript != nil }
    kinds = GuestSystemCalls.kinds.filter { kind in
      switch kind {
      case .main: !runsScript
      case .vcpu, .device, .control: true
      case .io: !configuration.disks.isEmpty || !configuration.vextDisks.isEmpty
      case .share: !configuration.shares.isEmpty
      // In a process of its own.
      case .network: false
      case .watcher: hasVext || hasVhostUser
      case .display: configuration.videoMode != nil
      }
    }
    additionalCalls = Self.additionalCalls(plan)
    var folder = stat()
    let isOwnHome = unsafe stat(home, &folder) == 0 && folder.st_uid == geteuid()
    capabilities = [
      // They remove the control socket.
      .main: isOwnHome ? [] : .overrideAccess,
      .control: isOwnHome ? [] : .overrideAccess,
      .share: configuration.shares.reduce(into: []) { $0.formUnion(Self.capabilities($1)) },
    ]
  }

  private static func additionalCalls(_ plan: GuestPlan) -> [ThreadKind: [SystemCallRule]] {
    var calls: [ThreadKind: [SystemCallRule]] = [:]
    let hasHostDevices = plan.configuration.hostDevices != nil
    if hasHostDevices || !plan.configuration.sharedMemory.isEmpty {
      calls[.vcpu] = [GuestSystemCalls.movingMemory]
    }
    if hasHostDevices {
      for kind in [ThreadKind.vcpu, .main] { calls[kind, default: []] += GuestSystemCalls.hostDevices }
    }
    if plan.showsWindow { calls[.display] = GuestSystemCalls.showingWindow }
    if plan.configuration.usesVhost || plan.networks.contains(where: \.usesVhost) {
      for kind in [ThreadKind.vcpu, .main, .device] { calls[kind, default: []] += GuestSystemCalls.vhost }
    }
    return calls
  }

  /// What a share of root's needs, to offer root's files to the guest's users.
  private static func capabilities(_ share: GuestConfiguration.Share) -> Capabilities {
    guard !share.isReadOnly else { return .overrideReading }
    let files: Capabilities = [.overrideReading, .overrideAccess, .actAsOwner, .changeOwner]
    switch share.security {
    case .none, .mapped: return files
    case .passthrough:
      return files.union([.keepSetID, .setFileCapabilities, .administration])
    }
  }

  /// Makes all threads of these kinds restrict themselves when they start. The main thread does so when it calls
  /// `ThreadRestrictions.applyToCurrentThread(as:)`. With the policy `log` the calls are reported instead.
  ///
  /// - Parameter cleanUp: a thread that cannot restrict itself calls it before it ends the process.
  /// - Returns: what could not be restricted, in sentences.
  func activate(
    _ policy: SandboxPolicy, cleanUp: (@Sendable () -> Void)? = nil
  ) throws(LkvmFailure) -> [String] {
    guard policy != .off || isJailed else { return [] }
    var restrictions = ThreadRestrictions()
    restrictions.cleanUp = cleanUp
    let obstacles = try policy == .off ? [] : addFilters(to: &restrictions, policy)
    if isJailed {
      for kind in ThreadKind.allCases { restrictions.capabilities[kind] = [] }
    } else if policy == .strict {
      for kind in kinds { restrictions.capabilities[kind] = capabilities[kind] ?? [] }
    }
    restrictions.activate()
    return obstacles
  }

  /// Returns what could not be restricted, in sentences.
  private func addFilters(
    to restrictions: inout ThreadRestrictions, _ policy: SandboxPolicy
  ) throws(LkvmFailure) -> [String] {
    do throws(SystemCallFilterError) {
      for kind in kinds {
        restrictions.filters[kind] = try SystemCallFilter(
          GuestSystemCalls.rules(for: kind) + additionalCalls[kind, default: []])
      }
      if policy == .log {
        restrictions.reporter = try SystemCallReporter(prefix: "lkvm: warning: --sandbox-policy log: ")
      }
    } catch {
      switch error {
      case .noKernelSupport: restrictions.filters = [:]
      case .badRule, .failed: throw LkvmFailure("--sandbox-policy: \(error)")
      }
      return ["system calls are not restricted: \(error)"]
    }
    return []
  }
}
