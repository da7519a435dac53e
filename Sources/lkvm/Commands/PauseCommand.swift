import Hypervisor

/// `lkvm pause`.
struct PauseCommand: Subcommand {
  /// The values of its options.
  struct Settings: SelectsGuests {
    var guests = GuestSelection()
  }

  static let description = CommandDescription(name: "pause", abstract: "Stops guests where they are.")
  static let options: [OptionRow<Settings>] = OptionRow.guestSelection
  static var defaults: Settings { Settings() }

  let settings: Settings

  init(_ line: CommandLineParser<Settings>.Line) throws(LkvmFailure) {
    settings = line.settings
    try settings.guests.check()
  }

  func run(_ startUp: StartUpClock) throws -> Int32 {
    try Instances.send(.pause, to: settings.guests, unless: .paused, done: "paused")
    return 0
  }
}
