import Hypervisor

/// `lkvm balloon`.
struct BalloonCommand: Subcommand {
  /// The values of its options.
  struct Settings: SelectsGuests {
    var guests = GuestSelection()
    var inflate: Int?
    var deflate: Int?
  }

  static let description = CommandDescription(
    name: "balloon", abstract: "Takes memory from guests, or gives it back.")
  static let options: [OptionRow<Settings>] =
    OptionRow.guestSelection + [
      .number("inflate", "i", "MIB", .guests, in: 1...Int(Int32.max), "MiB to take from the guest.") {
        $0.inflate = $1
      },
      .number("deflate", "d", "MIB", .guests, in: 1...Int(Int32.max), "MiB to give back to the guest.") {
        $0.deflate = $1
      },
    ]
  static var defaults: Settings { Settings() }

  let guests: GuestSelection
  /// MiB to take from the guest; below zero: to give back.
  let deltaMiB: Int32

  init(_ line: CommandLineParser<Settings>.Line) throws(LkvmFailure) {
    guests = line.settings.guests
    try guests.check()
    switch (line.settings.inflate, line.settings.deflate) {
    // Both are within the positive numbers of 32 bits.
    case (let amount?, nil): deltaMiB = Int32(clamping: amount)
    case (nil, let amount?): deltaMiB = -Int32(clamping: amount)
    default: throw .usage("give either --inflate or --deflate")
    }
  }

  func run(_ startUp: StartUpClock) throws -> Int32 {
    try Instances.send(.balloon(deltaMiB: deltaMiB), to: guests)
    return 0
  }
}
