public import SystemPackage

/// The reason why a tap could not be opened.
public enum TapError: Error, Equatable, CustomStringConvertible, Sendable {
  /// open(2) failed.
  case cannotOpen(path: String, Errno)
  /// The name is longer than the kernel's limit for interfaces.
  case nameTooLong(String)
  /// The interface cannot be created or attached to.
  case cannotAttach(interface: String, Errno)
  /// The descriptor is not a tap for Ethernet frames.
  case notATap(descriptor: Int32, Errno)
  /// The kernel's tap lacks a feature.
  case cannotSetUp(interface: String, call: String, Errno)
  /// The address or state of the interface cannot be set.
  case cannotConfigure(interface: String, what: String, Errno)
  /// posix_spawn(3) failed.
  case cannotRun(script: String, Errno)
  /// The script ended with a status other than zero.
  case scriptFailed(script: String, interface: String, status: Int32)

  /// The error message: one line.
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
