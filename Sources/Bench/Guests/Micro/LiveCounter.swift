import HostSystem
import MicroGuest
import SystemPackage

/// Publishes how many requests a window has seen, once a second, for `bench view`.
///
/// The guests count their requests in their latency histograms anyway. The controlling thread, which checks the guests every 5 ms, adds
/// these up: no guest runs another instruction for it, and a window of less than a second publishes nothing.
final class LiveCounter {
  private static let intervalNanoseconds: UInt64 = 1_000_000_000

  private let path: String
  private let title: String
  private let start = HostClock.monotonicNanoseconds()
  private var last: (nanoseconds: UInt64, requests: UInt64)
  private var file: FileDescriptor?
  /// Whether the file could not be written: a run does not end for that.
  private var hasFailed = false

  /// A window that opens now, of the data path `title`, whose file is to be `path`.
  init(path: String, title: String) {
    self.path = path
    self.title = title
    last = (start, 0)
  }

  /// Removes the file.
  deinit {
    guard let file else { return }
    // A file that stays is seen to be old.
    try? file.close()
    try? NamedFiles.remove(path)
  }

  /// Publishes if a second has passed since the last time.
  func update(_ guests: [BenchGuest]) throws {
    let now = HostClock.monotonicNanoseconds()
    guard !hasFailed, now &- last.nanoseconds >= Self.intervalNanoseconds else { return }
    var requests: UInt64 = 0
    for worker in guests.flatMap(\.workers) {
      for count in try worker.histogram() { requests &+= count }
    }
    publish(requests, now)
  }

  /// Writes what `requests` come to. A guest may have written anything: a count that falls has no rate.
  func publish(_ requests: UInt64, _ now: UInt64) {
    let elapsed = Double(now &- last.nanoseconds) / 1e9
    let sample = LiveSample(
      title: title, requests: requests,
      iops: requests >= last.requests && elapsed > 0 ? Double(requests - last.requests) / elapsed : 0,
      seconds: Double(now &- start) / 1e9)
    last = (now, requests)
    do {
      if file == nil {
        file = try FileDescriptor.open(
          FilePath(path), .writeOnly, options: [.create, .truncate, .closeOnExec],
          permissions: [.ownerReadWrite, .groupRead, .otherRead])
      }
      if let bytes = sample.encoded { _ = try file?.writeAll(toAbsoluteOffset: 0, bytes) }
    } catch {
      hasFailed = true
    }
  }
}
