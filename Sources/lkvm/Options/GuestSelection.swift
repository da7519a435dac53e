import Hypervisor

/// The running guests that a command addresses.
struct GuestSelection: Equatable {
  /// `--all`: all of them, whatever else is named.
  var all = false
  /// The names of guests.
  var names: [String] = []

  /// - Throws: a usage failure if the options select no guest.
  func check() throws(LkvmFailure) {
    if !all, names.isEmpty { throw .usage("name a guest with --name, or take --all") }
  }
}

extension InstanceDirectory {
  /// Refuses a value that can be no guest's name.
  static func check(name: String) throws(OptionProblem) {
    guard !accepts(name: name) else { return }
    if name.isEmpty { throw .wanted("NAME") }
    throw OptionProblem(text: "a name has no slash and no space, and does not start with a dot")
  }
}

/// Settings of a command for running guests.
protocol SelectsGuests: Sendable {
  /// The addressed guests.
  var guests: GuestSelection { get set }
}

extension OptionRow where Settings: SelectsGuests {
  /// `--all` and `--name`.
  static var guestSelection: [OptionRow] {
    [
      .flag("all", "a", .guests, "All running guests.") { $0.guests.all = $1 },
      .value("name", "n", "NAME", .guests, "The guest of this name; repeatable.", completion: .guests) {
        settings, name throws(OptionProblem) in
        guard let name else { return settings.guests.names = [] }
        try InstanceDirectory.check(name: name)
        settings.guests.names.append(name)
      },
    ]
  }
}
