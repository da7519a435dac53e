import ArgumentParser
import HostSystem

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
