import SystemPackage

/// The tables of an image that were used last, in slices. Changes stay in the cache until they are written on request.
///
/// One thread at a time. Slices with changes are never dropped, so that the owner has to write them before there are too many.
struct QcowTableCache {
  /// What a change is, which decides when it is written: a reference must not reach the disk before the refcount that it needs.
  enum Change {
    case refcount
    case reference
  }

  private final class Slice {
    let buffer: HostBuffer
    var change: Change?
    /// Set at each use, and cleared when the search for a slice to drop passes it.
    var wasUsed = true

    init(_ buffer: HostBuffer) { self.buffer = buffer }
  }

  /// The most slices without changes.
  private static let cleanLimit = 1024
  private static let largestSliceByteCount: UInt64 = 8192

  private let file: any QcowFile
  private let sliceByteCount: UInt64
  private var slices: [UInt64: Slice] = [:]
  /// The offsets of all slices, in which the search for one to drop goes round.
  private var order: [UInt64] = []
  private var hand = 0
  /// Number of slices with changes of each kind.
  private(set) var refcountChangeCount = 0
  private(set) var referenceChangeCount = 0

  init(_ file: any QcowFile, clusterByteCount: UInt64) {
    self.file = file
    sliceByteCount = min(clusterByteCount, Self.largestSliceByteCount)
  }

  /// Number of slices with changes.
  var changeCount: Int { refcountChangeCount + referenceChangeCount }

  /// The big-endian number at `offset`, which is a multiple of its size.
  mutating func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type = Value.self, at offset: UInt64
  )
    throws(QcowError) -> Value
  {
    try slice(at: offset).buffer.load(at: Int(offset % sliceByteCount))
  }

  /// Changes the number at `offset`.
  mutating func store<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value, at offset: UInt64, _ change: Change
  ) throws(QcowError) {
    let slice = try slice(at: offset)
    slice.buffer.store(value, at: Int(offset % sliceByteCount))
    guard slice.change == nil else { return }
    slice.change = change
    count(change, 1)
  }

  /// Writes every change of this kind.
  mutating func write(_ change: Change) throws(QcowError) {
    guard (change == .refcount ? refcountChangeCount : referenceChangeCount) > 0 else { return }
    for (offset, slice) in slices.filter({ $0.value.change == change }).sorted(by: { $0.key < $1.key }) {
      try qcowCall { () throws(Errno) in try file.write(slice.buffer, slice.buffer.all, at: offset) }
      slice.change = nil
      count(change, -1)
    }
  }

  /// Forgets what it holds of a part of the file, changes included: it is no table any more, or was written past the cache.
  mutating func forget(_ offset: UInt64, byteCount: UInt64) {
    var position = offset - offset % sliceByteCount
    while position < offset + byteCount {
      if let slice = slices.removeValue(forKey: position), let change = slice.change { count(change, -1) }
      position += sliceByteCount
    }
  }

  private mutating func count(_ change: Change, _ amount: Int) {
    switch change {
    case .refcount: refcountChangeCount += amount
    case .reference: referenceChangeCount += amount
    }
  }

  private mutating func slice(at offset: UInt64) throws(QcowError) -> Slice {
    let start = offset - offset % sliceByteCount
    if let slice = slices[start] {
      slice.wasUsed = true
      return slice
    }
    let buffer = HostBuffer(byteCount: Int(sliceByteCount))
    try qcowCall { () throws(Errno) in try file.read(buffer, buffer.all, at: start) }
    if slices.count - changeCount >= Self.cleanLimit { dropOne() }
    let slice = Slice(buffer)
    slices[start] = slice
    order.append(start)
    return slice
  }

  /// Drops a slice that was not used for a while (second chance).
  private mutating func dropOne() {
    for _ in 0..<order.count * 2 {
      if hand >= order.count { hand = 0 }
      guard let slice = slices[order[hand]] else {
        order.swapAt(hand, order.count - 1)
        order.removeLast()
        if order.isEmpty { return }
        continue
      }
      if slice.change == nil, !slice.wasUsed {
        slices[order[hand]] = nil
        order.swapAt(hand, order.count - 1)
        order.removeLast()
        return
      }
      slice.wasUsed = false
      hand += 1
    }
  }
}
