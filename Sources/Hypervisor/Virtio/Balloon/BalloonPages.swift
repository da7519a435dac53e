import SystemPackage
import VextProtocol

/// Returns the pages in a guest's balloon to the host.
///
/// Page numbers come from the guest: a number outside of RAM is counted and otherwise ignored.
struct BalloonPages: Sendable {
  /// The unit of page numbers, whatever the guest's pages are (virtio 1.2 §5.5.6).
  static let pageByteCount: UInt64 = 4096

  /// The result for a list of page numbers.
  struct Outcome: Equatable, Sendable {
    /// Number of pages returned to the host.
    var discardedCount: UInt64 = 0
    /// Number of page numbers outside of RAM.
    var invalidCount: UInt64 = 0
    /// Number of pages that the kernel refused, such as a part of a huge page of hugetlbfs.
    var refusedCount: UInt64 = 0
  }

  let memory: GuestMemory

  /// Discards the pages with the numbers in `bytes`, little-endian, 32 bits each, with one call for each run of
  /// neighbours.
  func discard(_ bytes: [UInt8]) -> Outcome {
    var outcome = Outcome()
    var run: Range<UInt64>?
    for number in Self.numbers(bytes).sorted() {
      guard isMemory(number) else {
        outcome.invalidCount += 1
        continue
      }
      if let current = run, number <= current.upperBound {
        // A number may come twice.
        run = current.lowerBound..<max(current.upperBound, number + 1)
      } else {
        if let run { discard(run, &outcome) }
        run = number..<number + 1
      }
    }
    if let run { discard(run, &outcome) }
    return outcome
  }

  private func discard(_ run: Range<UInt64>, _ outcome: inout Outcome) {
    let count = run.upperBound - run.lowerBound
    do throws(Errno) {
      try memory.discard(
        GuestAddress(run.lowerBound * Self.pageByteCount), byteCount: count * Self.pageByteCount)
      outcome.discardedCount += count
    } catch {
      outcome.refusedCount += count
    }
  }

  private func isMemory(_ number: UInt64) -> Bool {
    memory.map.contains(GuestAddress(number * Self.pageByteCount), byteCount: Self.pageByteCount)
  }

  /// The complete numbers in the bytes; a rest at the end is ignored.
  private static func numbers(_ bytes: [UInt8]) -> [UInt64] {
    stride(from: 0, through: bytes.count - 4, by: 4).map { start in
      (0..<4).reduce(0 as UInt64) { $0 | UInt64(bytes[start + $1]) << UInt64($1 * 8) }
    }
  }
}
