/// Counts of a guest's requests to a disk since the machine was made.
///
/// Requests that move no data and are completed at once are not counted.
public struct DiskStatistics: Equatable, Sendable {
  /// Number of reads.
  public var reads: UInt64 = 0
  /// Number of writes, durable ones included.
  public var writes: UInt64 = 0
  /// Number of flushes.
  public var flushes: UInt64 = 0
  /// Number of discards and write-zeroes.
  public var discards: UInt64 = 0
  /// Number of bytes that reads asked for.
  public var readBytes: UInt64 = 0
  /// Number of bytes of all writes.
  public var writtenBytes: UInt64 = 0
  /// Number of requests in flight.
  public var inFlight: UInt64 = 0
  /// Maximum number of requests in flight at once; with several I/O threads, the sum of each thread's maximum.
  public var maximumInFlight: UInt64 = 0
  /// Number of completed requests.
  public var finished: UInt64 = 0
  /// Total time of all completed requests from taking to completing, in nanoseconds.
  public var serviceNanoseconds: Double = 0
  /// Longest time of a completed request, in nanoseconds.
  public var maximumServiceNanoseconds: Double = 0
  /// How many of the completed requests took how long; none of a disk that another process serves.
  public var latencies = LatencyCounts()

  /// Makes statistics of no requests.
  public init() {}

  /// Returns names with units, and values, in a fixed order; each name begins with `prefix`.
  public func metrics(prefix: String) -> [(name: String, value: UInt64)] {
    let mean = finished == 0 ? 0 : serviceNanoseconds / Double(finished)
    let quantiles = [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)].compactMap { name, part in
      latencies.nanoseconds(within: part).map { ("\(name)_service_us", UInt64(($0 / 1000).rounded())) }
    }
    return
      ([
        ("reads", reads), ("writes", writes), ("flushes", flushes), ("discards", discards),
        ("read_bytes", readBytes), ("written_bytes", writtenBytes), ("in_flight", inFlight),
        ("max_in_flight", maximumInFlight), ("mean_service_us", UInt64((mean / 1000).rounded())),
        ("max_service_us", UInt64((maximumServiceNanoseconds / 1000).rounded())),
      ] + quantiles).map { ("\(prefix)_\($0.0)", $0.1) }
  }
}
