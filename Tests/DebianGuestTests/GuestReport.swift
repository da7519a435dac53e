import Foundation

/// What a Debian guest that ran one shell script said.
struct GuestReport {
  /// lkvm's exit code.
  let exitCode: Int32
  /// All that appeared on the guest's console.
  let console: String
  /// lkvm's standard error.
  let errors: String

  /// What a script can use: `say NAME VALUE` makes a value of the report.
  static let prelude = "say() { printf '\\n@%s=%s@\\n' \"$1\" \"$2\"; }\n"

  /// How long a guest may take from start to end. The virtual host is slow, and so is a machine that is busy.
  static let limit = Duration.seconds(480)

  /// Boots a guest with `options`, runs `script` in it and waits for its end.
  init(_ options: [String], script: String, within limit: Duration = limit) throws {
    try self.init(LkvmProcess(Self.arguments(options, script: script)), within: limit)
  }

  /// Boots a guest with `options` to its shell, types the lines of `scripts` there, and waits for its end.
  init(shell options: [String], _ scripts: String...) throws {
    let guest = try LkvmProcess(["run", "--params", "quiet"] + options)
    // The shell's prompt; what is typed before there is a shell would be lost to the kernel's start.
    try guest.wait(for: "# ", within: Self.limit)
    // The terminal echoes what is typed: neither line has what `say` prints.
    for script in [Self.prelude] + scripts { try guest.type(script + "\n") }
    try self.init(guest)
  }

  /// The report of a guest that is still up and printed `console`.
  init(console: String) {
    exitCode = 0
    self.console = console
    errors = ""
  }

  /// Waits for the end of a guest.
  init(_ guest: LkvmProcess, within limit: Duration = limit) throws {
    exitCode = try guest.waitForEnd(within: limit)
    console = guest.output
    errors = guest.errors
  }

  /// The command line that runs `script` in a guest.
  static func arguments(_ options: [String], script: String) -> [String] {
    // Kernel messages would mix with what the script prints.
    ["run", "--params", "quiet"] + options + ["--", "/bin/sh", "-c", prelude + script]
  }

  /// What the script said of `name`.
  func value(_ name: String) throws -> String {
    guard let start = console.range(of: "@\(name)="),
      let end = console.range(of: "@\n", range: start.upperBound..<console.endIndex)
    else {
      throw TestFailure(
        "the guest said nothing of '\(name)'; exit code \(exitCode)\nstandard error: \(errors.suffix(2000))\n"
          + "console: \(console.suffix(4000))")
    }
    return String(console[start.upperBound..<end.lowerBound])
  }

  /// What the script said of `name`, a number.
  func number(_ name: String) throws -> Int {
    let text = try value(name)
    guard let number = Int(text) else { throw TestFailure("'\(name)' is no number: \(text)") }
    return number
  }
}
