import Hypervisor

/// vmexits per second that a guest makes without I/O.
struct ExitRates: Codable, Equatable, Sendable {
  /// All of them.
  var vmexitsPerSecond: Double
  /// Without those that the host's own interrupts caused.
  var ioVMExitsPerSecond: Double
  /// The exits that were counted.
  var exits: ExitCounts
  /// For how long.
  var seconds: Double

  /// The rates of `exits` within `seconds`.
  init(_ exits: ExitCounts, seconds: Double) {
    self.exits = exits
    self.seconds = seconds
    vmexitsPerSecond = seconds > 0 ? Double(exits.total) / seconds : 0
    ioVMExitsPerSecond = seconds > 0 ? Double(exits.ioPath) / seconds : 0
  }

  enum CodingKeys: String, CodingKey {
    case vmexitsPerSecond = "vmexits_per_s"
    case ioVMExitsPerSecond = "io_vmexits_per_s"
    case exits
    case seconds = "s"
  }
}
