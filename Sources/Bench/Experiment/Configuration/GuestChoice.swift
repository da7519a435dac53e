/// What `--guest` says.
enum GuestChoice: String, CaseIterable, Codable, Sendable {
  /// The micro guest.
  case micro
  /// A Linux guest.
  case linux
  /// A Linux guest where the host's KVM runs one natively and has what it needs, else the micro guest.
  case auto

  /// Decides for a host.
  ///
  /// - Parameters:
  ///   - backend: What executes guest code on it.
  ///   - missing: What a Linux guest needs and the host does not have, in words; nil if nothing.
  func decision(backend: KVMBackend, missing: @autoclosure () -> String?) -> GuestDecision {
    switch self {
    case .micro: return GuestDecision(kind: .micro, reason: "as --guest says")
    case .linux: return GuestDecision(kind: .linux, reason: "as --guest says")
    case .auto: break
    }
    switch backend {
    case .vmx, .svm:
      if let missing = missing() {
        return GuestDecision(kind: .micro, reason: "auto: a Linux guest cannot run here: \(missing)")
      }
      return GuestDecision(
        kind: .linux, reason: "auto: this KVM (\(backend.rawValue)) runs an unmodified kernel natively")
    case .pvm:
      return GuestDecision(
        kind: .micro, reason: "auto: this KVM (pvm, software) cannot run an unmodified kernel")
    case .tcg:
      return GuestDecision(
        kind: .micro,
        reason: "auto: this KVM runs on an emulated CPU (tcg), where Linux is slow; --guest linux insists")
    case .none: return GuestDecision(kind: .micro, reason: "auto: no KVM module is loaded")
    }
  }
}

/// Which guest a run takes, and why.
struct GuestDecision: Equatable, Sendable {
  /// The guest.
  let kind: GuestKind
  /// The reason, for the output and the JSON file.
  let reason: String
}

/// What runs inside the virtual machines.
enum GuestKind: String, CaseIterable, Codable, Sendable {
  /// The freestanding guest that the package builds itself.
  case micro
  /// An unmodified Linux kernel, whose workload is fio.
  case linux
}
