import Hypervisor

/// `lkvm stat`.
struct StatCommand: Subcommand {
  /// The values of its options.
  struct Settings: SelectsGuests {
    var guests = GuestSelection()
  }

  static let description = CommandDescription(
    name: "stat",
    abstract: "Prints the metrics of guests: vmexits, disks, networks, and memory where there is a balloon.")
  static let options: [OptionRow<Settings>] =
    OptionRow.guestSelection + [
      .flag(
        "memory", "m", .guests,
        "Accepted for compatibility with kvmtool; memory statistics are always printed."
      ) { _, _ in }
    ]
  static var defaults: Settings { Settings() }

  let settings: Settings

  init(_ line: CommandLineParser<Settings>.Line) throws(LkvmFailure) {
    settings = line.settings
    try settings.guests.check()
  }

  func run(_ startUp: StartUpClock) throws -> Int32 {
    try Instances.send(.statistics, to: settings.guests)
    return 0
  }
}
