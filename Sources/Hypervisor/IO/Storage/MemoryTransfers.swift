import HostSystem
import SystemPackage

/// Transfers between guests and disks in memory that were started and not yet carried out, oldest first. One thread.
///
/// The source of a transfer is fetched while the ones before it are copied: half of the time of a random read is the wait for
/// the first lines of its source.
struct MemoryTransfers: ~Copyable {
  private struct Transfer: BitwiseCopyable {
    var disk = IOVector()
    var vectors = IOVectors()
    var isRead = false
    var byteCount: UInt64 = 0
    var token: UInt64 = 0
  }

  /// How many transfers ahead a source is fetched. With 1 the copy before is too short on some CPUs; more than 4 won nothing.
  private static let fetchDistance = 2
  /// How much of a source is fetched by hand, in bytes: the CPU continues by itself.
  private static let fetchByteCount = 512

  private let transfers: FixedTable<Transfer>
  private var first: UInt32 = 0
  private var end: UInt32 = 0
  private let capacity: Int

  /// Room for `capacity` transfers.
  init(capacity: Int) throws(Errno) {
    precondition(capacity <= 1 << 16, "numbers of transfers")
    self.capacity = capacity
    var places = 1
    while places < capacity { places *= 2 }
    transfers = try FixedTable(repeating: Transfer(), count: places)
  }

  /// Notes a transfer of `byteCount` bytes. Fewer than the capacity must be waiting.
  ///
  /// - Parameters:
  ///   - disk: the run of the disk, as long as `vectors`; both stay valid until ``next()`` returns the token.
  @inline(__always)
  mutating func start(isRead: Bool, disk: IOVector, vectors: IOVectors, byteCount: UInt64, token: UInt64) {
    precondition(Int(end &- first) < capacity, "a transfer has room")
    transfers[wrapping: UInt16(truncatingIfNeeded: end)] = Transfer(
      disk: disk, vectors: vectors, isRead: isRead, byteCount: byteCount, token: token)
    end &+= 1
  }

  /// Carries out the oldest transfer; nil if there is none.
  mutating func next() -> AIOCompletion? {
    guard first != end else { return nil }
    let transfer = transfers[wrapping: UInt16(truncatingIfNeeded: first)]
    if end &- first > UInt32(Self.fetchDistance) { fetch(first &+ UInt32(Self.fetchDistance)) }
    first &+= 1
    var place = transfer.disk
    for index in 0..<transfer.vectors.count {
      let vector = transfer.vectors[index]
      if transfer.isRead { place.copy(to: vector) } else { vector.copy(to: place) }
      place.removeFirst(vector.byteCount)
    }
    return AIOCompletion(token: transfer.token, result: Int64(truncatingIfNeeded: transfer.byteCount))
  }

  @inline(__always)
  private func fetch(_ number: UInt32) {
    let transfer = transfers[wrapping: UInt16(truncatingIfNeeded: number)]
    guard transfer.vectors.count > 0 else { return }
    (transfer.isRead ? transfer.disk : transfer.vectors[0]).prefetch(Self.fetchByteCount)
  }
}
