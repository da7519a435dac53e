import ArgumentParser
import VextClient

/// `vext-io read`.
struct ReadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "read", abstract: "Reads a range and prints its checksum.")

  @OptionGroup var device: QueueOptions
  @OptionGroup var options: TransferOptions

  @Option(help: ArgumentHelp("Compare with the pattern that `write` wrote.", valueName: "seed"))
  var verify: UInt64?

  func run() throws {
    let device = try device.open()
    let transfer = try options.transfer(.read, pattern: verify, on: device)
    try TransferRun.run(transfer, on: device).printSummary()
  }
}

extension TransferRun.Outcome {
  /// Prints one line for each number.
  func printSummary() {
    let seconds = Double(nanoseconds) / 1e9
    print(
      """
      requests=\(requestCount)
      bytes=\(byteCount)
      checksum=\(String(checksum, radix: 16))
      seconds=\(seconds)
      iops=\(UInt64(Double(requestCount) / seconds))
      """)
  }
}
