import Hypervisor

/// `lkvm stop`.
struct StopCommand: Subcommand {
  /// The values of its options.
  struct Settings: SelectsGuests {
    var guests = GuestSelection()
    var graceful = false
  }

  static let description = CommandDescription(
    name: "stop", abstract: "Ends guests at once; what they wrote to their disks stays.")
  static let options: [OptionRow<Settings>] =
    OptionRow.guestSelection + [
      .flag("graceful", "g", .guests, "Press the power button instead, and let the guest shut down.") {
        $0.graceful = $1
      }
    ]
  static var defaults: Settings { Settings() }

  let settings: Settings

  init(_ line: CommandLineParser<Settings>.Line) throws(LkvmFailure) {
    settings = line.settings
    try settings.guests.check()
  }

  func run(_ startUp: StartUpClock) throws -> Int32 {
    try Instances.send(settings.graceful ? .powerButton : .stop, to: settings.guests)
    return 0
  }
}
