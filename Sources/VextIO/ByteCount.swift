import ArgumentParser

/// A number of bytes as users write it: `4096`, `4k`, `1M`, `2g`, all powers of 1024.
struct ByteCount: ExpressibleByArgument, CustomStringConvertible {
  let value: UInt64

  init(_ value: UInt64) { self.value = value }

  init?(argument: String) {
    var digits = argument[...]
    var unit: UInt64 = 1
    if let last = argument.last, let index = ["k", "m", "g", "t"].firstIndex(of: last.lowercased()) {
      unit = 1 << (10 * UInt64(index + 1))
      digits = argument.dropLast()
    }
    guard let count = UInt64(digits), digits.first != "+" else { return nil }
    let (product, overflow) = count.multipliedReportingOverflow(by: unit)
    guard !overflow, product <= UInt64(Int64.max) else { return nil }
    value = product
  }

  var description: String { String(value) }
}
