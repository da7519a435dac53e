import ArgumentParser
import VextClient

/// The options that choose a device and its memory.
struct QueueOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "PCI address. Default: the first function that is not in use.", valueName: "0000:00:05.0"))
  var device: String?

  @Option(help: ArgumentHelp("Memory for requests and rings, a multiple of 2 MiB.", valueName: "size"))
  var pool = ByteCount(16 << 20)

  @Flag(help: "Use ordinary pages even where there are huge ones.")
  var smallPages = false

  @Option(help: ArgumentHelp("Fail after this time without a completion.", valueName: "seconds"))
  var timeout: Double = 30

  func validate() throws {
    guard timeout > 0, timeout <= 86400 else { throw ValidationError("--timeout \(timeout): 0 to 86400 s") }
  }

  /// Opens the device.
  func open() throws(VextIOFailure) -> VextBlockDevice {
    var options = VextOpenOptions(
      poolByteCount: Int(pool.value), allowsHugePages: !smallPages)
    options.waitPolicy.timeoutNanoseconds = UInt64(timeout * 1e9)
    do { return try VextBlockDevice.open(device, options: options) } catch { throw .device(error) }
  }
}
