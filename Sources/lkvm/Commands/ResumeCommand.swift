import Hypervisor

/// `lkvm resume`.
struct ResumeCommand: Subcommand {
  /// The values of its options.
  struct Settings: SelectsGuests {
    var guests = GuestSelection()
  }

  static let description = CommandDescription(name: "resume", abstract: "Lets paused guests go on.")
  static let options: [OptionRow<Settings>] = OptionRow.guestSelection
  static var defaults: Settings { Settings() }

  let settings: Settings

  init(_ line: CommandLineParser<Settings>.Line) throws(LkvmFailure) {
    settings = line.settings
    try settings.guests.check()
  }

  func run(_ startUp: StartUpClock) throws -> Int32 {
    try Instances.send(.resume, to: settings.guests, unless: .running, done: "resumed")
    return 0
  }
}
