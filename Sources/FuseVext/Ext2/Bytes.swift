extension [UInt8] {
  /// The little-endian number of `byteCount` bytes at an offset inside.
  func word(_ offset: Int, _ byteCount: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<byteCount { value |= UInt64(self[offset + index]) << UInt64(index * 8) }
    return value
  }
}
