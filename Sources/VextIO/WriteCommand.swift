import ArgumentParser
import SystemPackage
import VextClient

/// `vext-io write`.
struct WriteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "write", abstract: "Writes a pattern to a range and prints its checksum.")

  @OptionGroup var device: QueueOptions
  @OptionGroup var options: TransferOptions

  @Option(help: ArgumentHelp("Seed of the pattern.", valueName: "seed"))
  var pattern: UInt64 = 0

  @Flag(help: "Flush at the end.")
  var flush = false

  func run() throws {
    let device = try device.open()
    let outcome = try TransferRun.run(
      options.transfer(.write, pattern: pattern, on: device), on: device)
    if flush {
      do throws(Errno) { try device.makeQueue().flush() } catch {
        throw VextIOFailure.request("flush", error)
      }
    }
    outcome.printSummary()
  }
}
