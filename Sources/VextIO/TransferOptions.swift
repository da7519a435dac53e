import ArgumentParser
import HostSystem
import VextClient

/// The options that choose a range of the disk and the way of the transfer.
struct TransferOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Offset on the disk, in bytes.", valueName: "size"))
  var offset = ByteCount(0)

  @Option(help: ArgumentHelp("Number of bytes. Default: up to the disk's end.", valueName: "size"))
  var length: ByteCount?

  @Option(help: ArgumentHelp("Bytes of one request.", valueName: "size"))
  var block = ByteCount(4096)

  @Option(help: "Requests in flight, for each queue.")
  var depth = 1

  @Option(help: "Queues, each with a thread of its own.")
  var queues = 1

  @Option(help: "Number of passes over the range.")
  var count = 1

  @Flag(help: "Use memory outside of the pool, which is copied.")
  var copied = false

  func validate() throws {
    guard block.value > 0, block.value <= 1 << 30 else { throw ValidationError("--block \(block): 1 to 1G") }
    guard (1...1024).contains(depth) else { throw ValidationError("--depth \(depth): 1 to 1024") }
    guard (1...128).contains(queues) else { throw ValidationError("--queues \(queues): 1 to 128") }
    guard count > 0 else { throw ValidationError("--count \(count): at least 1") }
  }

  /// The transfer on `device`.
  func transfer(
    _ operation: Transfer.Operation, pattern: UInt64?, on device: VextBlockDevice
  ) throws(VextIOFailure) -> Transfer {
    guard offset.value <= device.capacity else { throw .options("--offset \(offset): past the disk's end") }
    let length = self.length?.value ?? (device.capacity - offset.value)
    guard length <= device.capacity - offset.value else {
      throw .options("--length \(length): past the disk's end")
    }
    guard (offset.value | length | block.value).isMultiple(of: UInt64(device.blockByteCount)) else {
      throw .options("--offset, --length and --block must be multiples of \(device.blockByteCount)")
    }
    return Transfer(
      operation: operation, offset: offset.value, byteCount: length, blockByteCount: Int(block.value),
      depth: depth, queueCount: queues, repetitions: count, isCopied: copied, pattern: pattern)
  }
}

/// A number of bytes as users write it: `4096`, `4k`, `1M`, `2g`, all powers of 1024.
struct ByteCount: ExpressibleByArgument, CustomStringConvertible {
  let value: UInt64

  init(_ value: UInt64) { self.value = value }

  init?(argument: String) {
    guard let value = ByteCountText.byteCount(argument) else { return nil }
    self.value = value
  }

  var description: String { String(value) }
}
