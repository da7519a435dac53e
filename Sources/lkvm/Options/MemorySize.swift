import HostSystem

/// `--mem SIZE[BKMGTP]`: a plain number is MiB, as in kvmtool; 0x begins a hexadecimal one.
struct MemorySize: Equatable {
  /// Bytes.
  let byteCount: UInt64

  /// A size of `byteCount` bytes.
  init(byteCount: UInt64) { self.byteCount = byteCount }

  /// Parses `argument`; nil if it is not a number of bytes below 2^63.
  init?(argument: String) {
    guard
      let byteCount = ByteCountText.byteCount(argument, [.plainB, .hexadecimal], plainUnit: 1 << 20)
    else { return nil }
    self.byteCount = byteCount
  }
}
