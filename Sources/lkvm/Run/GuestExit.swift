import Hypervisor

/// The exit codes of `lkvm run` (docs/lkvm.md).
enum GuestExit {
  /// KVM could not run the guest any further, the processor gave up on it, or its system could not be started: EX_SOFTWARE
  /// of sysexits.h.
  static let crashed: Int32 = 70
  /// The guest's kernel panicked.
  static let panicked: Int32 = 71

  /// The exit code of a guest that came to `end`.
  ///
  /// - Parameters:
  ///   - status: what the guest reported of its command, if it did.
  ///   - ranCommand: whether it was given one.
  ///   - startFailed: whether its init could not start its system.
  ///   - signal: the signal that ended it, if one did.
  static func code(end: MachineEnd, status: UInt8?, ranCommand: Bool, startFailed: Bool, signal: Int32?)
    -> Int32
  {
    if let signal { return 128 + signal }
    switch end {
    case .poweredOff, .reset:
      if startFailed { return crashed }
      // A guest that ends without a word about its command has not run it to its end.
      return ranCommand ? status.map(Int32.init) ?? GuestExit.crashed : 0
    case .stopped: return 0
    case .panicked: return panicked
    case .tripleFault, .crashed: return crashed
    }
  }
}
