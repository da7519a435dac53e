/// What a disk's guest has asked of it since the machine was made.
public struct DiskStatistics: Equatable, Sendable {
  /// Requests by kind; those of kinds that move no data and are answered at once are not counted.
  public var reads: UInt64 = 0
  /// Writes, durable ones too.
  public var writes: UInt64 = 0
  /// Flushes.
  public var flushes: UInt64 = 0
  /// Discards and write-zeroes.
  public var discards: UInt64 = 0
  /// Bytes that reads asked for.
  public var readBytes: UInt64 = 0
  /// Bytes that writes carried.
  public var writtenBytes: UInt64 = 0
  /// Requests under way.
  public var inFlight: UInt64 = 0
  /// The most that were under way at once; where several I/O threads serve the disk, the sum of what each had.
  public var maximumInFlight: UInt64 = 0
  /// Requests that are done.
  public var finished: UInt64 = 0
  /// Time from taking a request to answering it, of all that are done.
  public var serviceNanoseconds: Double = 0
  /// The longest.
  public var maximumServiceNanoseconds: Double = 0

  /// Nothing yet.
  public init() {}

  /// Names with units, and values, in a fixed order; each name begins with `prefix`.
  public func figures(prefix: String) -> [(name: String, value: UInt64)] {
    let mean = finished == 0 ? 0 : serviceNanoseconds / Double(finished)
    return [
      ("reads", reads), ("writes", writes), ("flushes", flushes), ("discards", discards),
      ("read_bytes", readBytes), ("written_bytes", writtenBytes), ("in_flight", inFlight),
      ("max_in_flight", maximumInFlight), ("mean_service_us", UInt64((mean / 1000).rounded())),
      ("max_service_us", UInt64((maximumServiceNanoseconds / 1000).rounded())),
    ].map { ("\(prefix)_\($0.0)", $0.1) }
  }
}
