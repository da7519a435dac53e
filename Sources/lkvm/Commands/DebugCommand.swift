import Hypervisor

/// `lkvm debug`.
struct DebugCommand: Subcommand {
  /// The values of its options.
  struct Settings: SelectsGuests {
    var guests = GuestSelection()
    var dump = false
    var nmi: Int?
    var sysrq: String?
  }

  static let description = CommandDescription(
    name: "debug", abstract: "Prints the state of guests, or sends them an NMI or a system request.")
  static let options: [OptionRow<Settings>] =
    OptionRow.guestSelection + [
      .flag("dump", "d", .guests, "Print registers, code, page tables and stack of each vCPU.") {
        $0.dump = $1
      },
      .number("nmi", "m", "VCPU", .guests, in: 0...Int(UInt32.max), "Send an NMI to this vCPU.") {
        $0.nmi = $1
      },
      .value(
        "sysrq", "s", "LETTER", .guests,
        "Send a system request to the guest's kernel; of a longer word, the first letter counts. Without a guest, "
          + "'-s help' lists the letters."
      ) { settings, text throws(OptionProblem) in
        guard let text else { return settings.sysrq = nil }
        guard let letter = text.utf8.first, (0x21...0x7E).contains(letter) else {
          throw .wanted("a letter such as t, or help")
        }
        settings.sysrq = text
      },
    ]
  static var defaults: Settings { Settings() }

  let guests: GuestSelection
  let request: ControlDebug
  /// Whether the letters of system requests are to be printed.
  let listsSysrqLetters: Bool

  init(_ line: CommandLineParser<Settings>.Line) throws(LkvmFailure) {
    let settings = line.settings
    guests = settings.guests
    request = ControlDebug(
      dumps: settings.dump, nmiVCPU: settings.nmi.map { UInt32(clamping: $0) },
      sysrqKey: settings.sysrq?.utf8.first)
    guard settings.dump || settings.nmi != nil || settings.sysrq != nil else {
      throw .usage("give --dump, --nmi or --sysrq")
    }
    listsSysrqLetters = settings.sysrq == "help" && guests == GuestSelection()
    if !listsSysrqLetters { try guests.check() }
  }

  /// The letters of Linux on x86 (Documentation/admin-guide/sysrq.rst).
  private static let sysrqLetters = """
    0-9  set the console's log level
    b    reboot at once
    c    crash
    e    send SIGTERM to all processes
    f    call the out-of-memory killer
    h    print this list on the guest's console
    i    send SIGKILL to all processes
    j    thaw file systems
    k    kill the console's processes
    l    print the stacks of all CPUs
    m    print memory statistics
    n    make real-time tasks nice
    o    power off
    p    print registers
    q    print timers
    s    sync file systems
    t    print tasks
    u    remount file systems read-only
    w    print blocked tasks
    z    dump the trace buffer
    """

  func run(_ startUp: StartUpClock) throws -> Int32 {
    if listsSysrqLetters {
      print(Self.sysrqLetters)
      return 0
    }
    try Instances.send(.debug(request), to: guests)
    return 0
  }
}
