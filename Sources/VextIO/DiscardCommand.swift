import ArgumentParser
import SystemPackage
import VextClient

/// `vext-io discard`.
struct DiscardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "discard", abstract: "Discards a range of the disk, or fills it with zeroes.")

  @OptionGroup var device: QueueOptions

  @Option(help: ArgumentHelp("Offset of the range on the disk, in bytes.", valueName: "size"))
  var offset = ByteCount(0)

  @Option(help: ArgumentHelp("Length of the range in bytes.", valueName: "size"))
  var length: ByteCount

  @Flag(help: "Fill with zeroes.")
  var zero = false

  func run() throws {
    let device = try device.open()
    do throws(Errno) {
      let queue = try device.makeQueue()
      if zero {
        try queue.writeZeroes(at: offset.value, byteCount: length.value)
      } else {
        try queue.discard(at: offset.value, byteCount: length.value)
      }
    } catch {
      throw VextIOFailure.request(zero ? "write zeroes" : "discard", error)
    }
  }
}
