import CLinux
import SystemPackage

/// A counter of how often one thread passes a tracepoint of the kernel (`perf_event_open(2)`, `PERF_TYPE_TRACEPOINT`).
///
/// It keeps no samples and has no ring. Counters that are read together form a group, which its first counter leads. The process
/// needs CAP_PERFMON, or a `kernel.perf_event_paranoid` of 1 or less. Any thread may call any method.
public final class TracepointCounter: Sendable {
  private let descriptor: OwnedDescriptor

  /// The largest group that ``groupCounts()`` reads.
  public static let groupLimit = 256

  /// Opens a counter, which counts nothing before ``startGroup()``, or joins a group that counts.
  ///
  /// - Parameters:
  ///   - tracepoint: The number in the file `id` of the tracepoint's folder in tracefs.
  ///   - filter: Which passages count, in the kernel's language of event filters; nil: all of them.
  ///   - thread: Whose passages count.
  ///   - leader: The leader of the group; nil: the counter leads a new one.
  /// - Throws: `EACCES` or `EPERM` without the right to count in the kernel, `EINVAL` for a filter that the tracepoint's fields do
  ///   not allow, `ESRCH` if the thread has ended, `EMFILE` without a free descriptor.
  public init(
    tracepoint: UInt64, filter: String? = nil, of thread: ForeignThread, leader: TracepointCounter? = nil
  ) throws(Errno) {
    descriptor = OwnedDescriptor(
      adopting: try check(
        linux_tracepoint_counter(tracepoint, thread.id, leader?.descriptor.rawValue ?? -1)))
    if let filter { try DescriptorBytes.setTracepointFilter(descriptor.rawValue, filter) }
  }

  /// Lets the group that this counter leads count.
  public func startGroup() throws(Errno) { try check(linux_tracepoint_start(descriptor.rawValue)) }

  /// Reads the counts of the group that this counter leads: its own, then those of the others in the order in which they joined.
  ///
  /// The call interrupts the CPU that the thread runs on. A thread that has ended keeps its counts.
  public func groupCounts() throws(Errno) -> [UInt64] {
    let bytes = try DescriptorBytes.read(descriptor.rawValue, limit: 8 * (1 + Self.groupLimit))
    // PERF_FORMAT_GROUP: how many values follow, and the values, 64 bits each.
    let words = stride(from: 0, to: bytes.count - bytes.count % 8, by: 8).map { start in
      bytes[start..<start + 8].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    }
    guard let count = words.first, count == UInt64(words.count - 1) else { throw .ioError }
    return Array(words.dropFirst())
  }
}
