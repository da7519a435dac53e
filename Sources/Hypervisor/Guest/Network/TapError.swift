public import SystemPackage

/// Why there is no tap, in a sentence.
public enum TapError: Error, Equatable, CustomStringConvertible, Sendable {
  /// open(2) failed.
  case cannotOpen(path: String, Errno)
  /// Longer than the kernel's names of interfaces.
  case nameTooLong(String)
  /// The interface cannot be made, or be attached to.
  case cannotAttach(interface: String, Errno)
  /// The descriptor is no tap's that carries Ethernet frames.
  case notATap(descriptor: Int32, Errno)
  /// The kernel's tap lacks something.
  case cannotSetUp(interface: String, call: String, Errno)
  /// The address, or its state, cannot be set.
  case cannotConfigure(interface: String, what: String, Errno)
  /// posix_spawn(3) failed.
  case cannotRun(script: String, Errno)
  /// The script ended with another status than zero.
  case scriptFailed(script: String, interface: String, status: Int32)

  /// One line for a person.
  public var description: String {
    switch self {
    case .cannotOpen(let path, let errno): "\(path): \(errno)"
    case .nameTooLong(let name): "tapif \(name): longer than 15 bytes"
    case .cannotAttach(let interface, .notPermitted):
      "tap \(interface): not permitted; it needs root, or an interface of this user's"
    case .cannotAttach(let interface, .resourceBusy):
      "tap \(interface): in use by another process"
    case .cannotAttach(let interface, let errno): "tap \(interface): \(errno)"
    case .notATap(let descriptor, let errno):
      "descriptor \(descriptor) is not a tap's (IFF_TAP, IFF_NO_PI): \(errno)"
    case .cannotSetUp(let interface, let call, let errno): "tap \(interface): \(call): \(errno)"
    case .cannotConfigure(let interface, let what, let errno):
      "tap \(interface): cannot set its \(what): \(errno)"
    case .cannotRun(let script, let errno): "script \(script): \(errno)"
    case .scriptFailed(let script, let interface, let status):
      "script \(script) \(interface): ended with status \(status)"
    }
  }
}
