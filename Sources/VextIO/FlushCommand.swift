import ArgumentParser
import SystemPackage
import VextClient

/// `vext-io flush`.
struct FlushCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flush", abstract: "Brings what was written on stable storage.")

  @OptionGroup var device: QueueOptions

  func run() throws {
    let device = try device.open()
    do throws(Errno) {
      try device.makeQueue().flush()
    } catch {
      throw VextIOFailure.request("flush", error)
    }
  }
}
