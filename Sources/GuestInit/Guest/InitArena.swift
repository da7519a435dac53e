import CGuest

/// Memory that is handed out once, zeroed, and never taken back.
struct InitArena: ~Copyable {
  private var next: UInt64 = 0
  private var end: UInt64 = 0

  private static let chunkByteCount: UInt64 = 1 << 20

  /// `byteCount` bytes of zero, and a NUL that stays behind them.
  mutating func take(_ byteCount: Int) throws(Errno) -> UnsafeMutablePointer<UInt8> {
    guard byteCount >= 0, byteCount < 1 << 40 else { throw .fileTooLarge }
    let needed = (UInt64(byteCount) + 16) & ~15
    if needed > end - next {
      let chunk = (max(needed, Self.chunkByteCount) + 4095) & ~4095
      next = try Kernel.result(init_map_memory(chunk))
      end = next + chunk
    }
    guard let pointer = unsafe UnsafeMutablePointer<UInt8>(bitPattern: UInt(next)) else {
      throw .fileTooLarge
    }
    next += needed
    return unsafe pointer
  }

  /// The texts one after another.
  mutating func join(_ a: Text, _ b: Text, _ c: Text = "", _ d: Text = "") throws(Errno) -> Text {
    let count = a.count + b.count + c.count + d.count
    let target = unsafe try take(count)
    unsafe target.update(from: a.start, count: a.count)
    unsafe (target + a.count).update(from: b.start, count: b.count)
    unsafe (target + a.count + b.count).update(from: c.start, count: c.count)
    unsafe (target + a.count + b.count + c.count).update(from: d.start, count: d.count)
    return unsafe Text(start: target, count: count)
  }

  /// A copy of `text` from `first` up to and without `end`.
  mutating func copy(_ text: Text, from first: Int, to end: Int) throws(Errno) -> Text {
    let target = unsafe try take(end - first)
    unsafe target.update(from: text.start + first, count: end - first)
    return unsafe Text(start: target, count: end - first)
  }

  /// The text of `number`.
  mutating func decimal(_ number: UInt64) throws(Errno) -> Text {
    var digitCount = 1
    var rest = number / 10
    while rest > 0 {
      digitCount += 1
      rest /= 10
    }
    let target = unsafe try take(digitCount)
    rest = number
    for index in stride(from: digitCount - 1, through: 0, by: -1) {
      unsafe target[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    return unsafe Text(start: target, count: digitCount)
  }

  /// The lines of a file.
  mutating func lines(of path: Text) throws(Errno) -> Records {
    Records(try contents(of: path) { $0 == UInt8(ascii: "\n") })
  }

  /// The whole of a file. Every byte that `isSeparator` finds becomes a NUL; it is called for each byte in order.
  mutating func contents(
    of path: Text, isSeparator: (UInt8) -> Bool = { _ in false }
  ) throws(Errno) -> Text {
    let file = try Kernel.open(path)
    defer { Kernel.close(file) }
    // Files of /proc tell no size.
    let limit = max(Int(truncatingIfNeeded: try Kernel.status(of: path).byte_count) + 1, 1 << 16)
    let target = unsafe try take(limit)
    var count = 0
    while true {
      let read = unsafe try Kernel.read(file, into: target + count, byteCount: limit - count)
      if read == 0 { break }
      count += read
      guard count < limit else { throw .fileTooLarge }
    }
    for index in 0..<count where isSeparator(unsafe target[index]) { unsafe target[index] = 0 }
    return unsafe Text(start: target, count: count)
  }
}
