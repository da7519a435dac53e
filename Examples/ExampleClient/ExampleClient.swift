import SystemPackage
import VextClient

/// Writes a text to the first vext disk of this guest and reads it back. Runs as root in a Linux guest with such a disk.
@main
struct ExampleClient {
  static func main() throws {
    print(try roundTrip(on: VextBlockDevice.open(), "Hello from user space"))
  }

  /// Overwrites the first block of `device`.
  static func roundTrip(on device: VextBlockDevice, _ text: String) throws(Errno) -> String {
    // One queue for each thread. Buffers of the pool are what the device reads and writes in place.
    let queue = try device.makeQueue(depth: 8)
    var block = Array(text.utf8.prefix(device.blockByteCount))
    block += [UInt8](repeating: 0, count: device.blockByteCount - block.count)

    try queue.write(at: 0, bytes: block)
    try queue.flush()

    // The same without blocking: submit, do something else, wait.
    let buffer = try device.pool.allocate(byteCount: device.blockByteCount)
    let request = try unsafe queue.submitRead(at: 0, into: buffer.bytes)
    try queue.wait(for: request)
    return unsafe String(decoding: buffer.bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
