import ArgumentParser
import SystemPackage
import VextClient
import VextProtocol

/// `vext-io identify`.
struct IdentifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "identify", abstract: "Prints the device's registers and identity.")

  @OptionGroup var device: QueueOptions

  func run() throws {
    let device = try device.open()
    let limits = device.limits
    let identity: [UInt8]
    do throws(Errno) {
      identity = try device.makeQueue().identify()
    } catch {
      throw VextIOFailure.request("identify", error)
    }
    let flags: [(VextDeviceFlags, String)] = [
      (.readOnly, "read-only"), (.discard, "discard"), (.writeZeroes, "write-zeroes"),
    ]
    print(
      """
      address=\(device.address)
      identity=\(String(decoding: identity.prefix { $0 != 0 }, as: UTF8.self))
      capacity=\(limits.capacity)
      block_bytes=\(limits.blockByteCount)
      max_transfer_bytes=\(limits.maxTransferByteCount)
      max_range_bytes=\(limits.maxRangeByteCount)
      max_segments=\(limits.maxSegments)
      queues=\(limits.queueCount)
      max_queue_depth=\(limits.maxQueueDepth)
      flags=\(flags.filter { limits.flags.contains($0.0) }.map(\.1).joined(separator: ","))
      memory=\(device.pool.memoryKind.rawValue)
      pin=\(device.pool.memoryPin.rawValue)
      memory_bytes=\(device.pool.byteCount)
      memory_runs=\(device.pool.runCount)
      """)
  }
}
