import ArgumentParser

/// What is told about a run.
struct DebuggingOptions: ParsableArguments {
  @Flag(help: "Log what lkvm does.")
  var debug = false

  @Flag(help: "Log the address of each instruction (very slow).")
  var debugSingleStep = false

  @Flag(help: "Log accesses to ports where no device is.")
  var debugIoport = false

  @Flag(help: "Log accesses to memory where neither RAM nor a device is.")
  var debugMmio = false

  @Option(help: ArgumentHelp("Milliseconds to wait at each port access.", valueName: "ms"))
  var debugIodelay: Int?

  @Option(help: "Least important messages that are printed: debug, info, warning or error.")
  var loglevel: LogLevelOption = .warning

  @Flag(help: "Print start-up times, memory, vmexits and disks to standard error at the end.")
  var stats = false

  @Option(
    help: ArgumentHelp("Append start-up times, memory, vmexits and disks to FILE as JSON.", valueName: "file")
  )
  var statsFile: String?

  func validate() throws {
    if let debugIodelay, !(0...10_000).contains(debugIodelay) {
      throw ValidationError("--debug-iodelay \(debugIodelay): 0 to 10000 milliseconds")
    }
  }
}
