import Foundation

/// What fio printed with `--output-format=json+`, judged and summed up over its jobs.
struct FioOutput: Equatable, Sendable {
  /// Why fio's output cannot be used, in a sentence.
  struct Failure: Error, Equatable, CustomStringConvertible {
    let description: String
  }

  /// The version of fio.
  let version: String
  /// When fio had ended all jobs, in milliseconds since 1970 by the guest's clock.
  let endMilliseconds: UInt64
  /// The length of the measured phase, ramp excluded: that of the longest job.
  let measuredSeconds: Double
  /// The same for each job that did something.
  let jobSeconds: [Double]
  /// Requests answered, of all jobs and directions.
  let requests: UInt64
  /// Those that read.
  let readRequests: UInt64
  /// Bytes moved.
  let bytes: UInt64
  /// Requests per second: all of them by ``measuredSeconds``, as fio's own sum of a group has it, because a job that ended early
  /// makes none in the rest of the phase.
  let iops: Double
  /// Errors: those that fio went past, or one for a job that an error ended.
  let errors: UInt64
  /// Jobs that found other data than was written.
  let verifyErrors: UInt64
  /// All latencies; empty where a job kept none.
  let latency: LatencyDistribution
  /// Which of fio's latencies these are: `lat`, `clat` or `none`.
  let latencyKind: String
  /// The whole of it.
  let json: JSONValue

  /// More than any output has: what is larger is not read into memory.
  static let byteCountLimit = 16 << 20
  /// More braces and brackets than fio nests.
  private static let depthLimit = 32
  /// More jobs than fio runs (REAL_MAX_JOBS).
  private static let jobCountLimit = 4096
  /// More bins than a direction of a job has (FIO_IO_U_PLAT_NR is 1856).
  private static let binCountLimit = 4096

  /// Reads `text`, in which fio may have put messages around the JSON object.
  ///
  /// - Parameter verifies: whether the phases of a job follow one another: first it writes, then it reads.
  init(_ text: Data, verifies: Bool) throws(Failure) {
    let json = try Self.object(in: text)
    guard let version = json["fio version"]?.string else {
      throw Failure(description: "it names no version of fio")
    }
    guard case .array(let jobs)? = json["jobs"], !jobs.isEmpty else {
      throw Failure(description: "it has no jobs")
    }
    guard jobs.count <= Self.jobCountLimit else {
      throw Failure(description: "it has \(jobs.count) jobs; at most \(Self.jobCountLimit) are read")
    }
    var sums = Sums()
    for job in jobs { try sums.add(job, phasesFollow: verifies) }
    guard let longest = sums.jobSeconds.max(), sums.requests > 0 else {
      throw Failure(
        description: sums.errors > 0
          ? "its jobs ended with error \(sums.firstError) before they did anything" : "its jobs did nothing")
    }
    self.init(
      sums, version: version, endMilliseconds: json["timestamp_ms"]?.count ?? 0, measuredSeconds: longest,
      json: json)
  }

  private init(
    _ sums: Sums, version: String, endMilliseconds: UInt64, measuredSeconds: Double, json: JSONValue
  ) {
    self.version = version
    self.endMilliseconds = endMilliseconds
    self.measuredSeconds = measuredSeconds
    self.json = json
    jobSeconds = sums.jobSeconds
    requests = sums.requests
    readRequests = sums.readRequests
    bytes = sums.bytes
    // fio tells lengths in milliseconds: one that did not last any has its own rates only.
    iops = measuredSeconds > 0 ? min(Double(sums.requests) / measuredSeconds, Sums.rateLimit) : sums.iops
    errors = sums.errors
    verifyErrors = sums.verifyErrors
    // The latencies of some jobs would pass for those of all.
    latency = sums.lacksLatencies ? LatencyDistribution() : sums.latency
    latencyKind = sums.lacksLatencies ? "none" : sums.latencyKind
  }

  /// What the jobs of each group of `phase` did, within the window of all of them; the whole alone where there are no groups.
  ///
  /// - Throws: ``Failure`` if fio tells of more or fewer jobs than the phase has, clones included.
  func groups(of phase: FioPhase?, verifies: Bool) throws(Failure) -> [FioOutput] {
    guard let jobCounts = phase?.groups.map(\.jobCount), jobCounts.count > 1 else { return [self] }
    guard case .array(let jobs)? = json["jobs"], UInt64(jobs.count) == jobCounts.reduce(0, &+) else {
      throw Failure(description: "it does not have the \(jobCounts.reduce(0, &+)) jobs of its groups")
    }
    var rest = jobs[...]
    var groups: [FioOutput] = []
    for count in jobCounts {
      var sums = Sums()
      for job in rest.prefix(Int(clamping: count)) { try sums.add(job, phasesFollow: verifies) }
      rest = rest.dropFirst(Int(clamping: count))
      groups.append(
        FioOutput(
          sums, version: version, endMilliseconds: endMilliseconds, measuredSeconds: measuredSeconds,
          json: json))
    }
    return groups
  }

  /// The JSON object: from the first line that begins with a brace to the last brace.
  private static func object(in text: Data) throws(Failure) -> JSONValue {
    let brace = UInt8(ascii: "{")
    var start = text.startIndex
    while start < text.endIndex, text[start] != brace {
      guard let lineEnd = text[start...].firstIndex(of: UInt8(ascii: "\n")) else {
        start = text.endIndex
        break
      }
      start = text.index(after: lineEnd)
    }
    guard start < text.endIndex else { throw Failure(description: "it has no JSON object") }
    guard let end = text.lastIndex(of: UInt8(ascii: "}")), end > start else {
      throw Failure(description: "its JSON object is cut off")
    }
    guard text.count <= byteCountLimit else {
      throw Failure(description: "it is larger than \(byteCountLimit >> 20) MiB")
    }
    // The decoder calls itself for each level.
    guard nestingDepth(of: text[start...end]) <= depthLimit else {
      throw Failure(description: "its JSON object is nested more than \(depthLimit) levels deep")
    }
    do {
      return try JSONDecoder().decode(JSONValue.self, from: text[start...end])
    } catch {
      throw Failure(description: "its JSON object is cut off or broken")
    }
  }

  /// How deep objects and arrays lie in each other; braces and brackets of strings do not count.
  private static func nestingDepth(of text: Data) -> Int {
    var (depth, deepest) = (0, 0)
    var (isInString, isEscaped) = (false, false)
    for byte in text {
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        deepest = max(deepest, depth)
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      default: break
      }
    }
    return deepest
  }
}

extension FioOutput {
  /// The members of a job that count each request once: `unified_rw_reporting` puts a sum in their place or beside them.
  private static func directions(of job: JSONValue) -> [String] {
    let names = ["read", "write", "trim"].filter { job[$0] != nil }
    return names.isEmpty ? ["mixed"] : names
  }

  /// Whether a job of a user's file writes first, and then reads all of it.
  private static func verifiesWrites(_ job: JSONValue) -> Bool {
    guard case .object(let options)? = job["job options"] else { return false }
    return FioJobSection(name: "", options: options.map { FioJobOption($0.key, $0.value.string) })
      .verifiesWrites
  }

  /// EILSEQ: what a job ends with that found other data than was written.
  private static let verifyError: UInt64 = 84

  /// What jobs add up to.
  private struct Sums {
    /// More than any job can have: what a guest reports is not believed further.
    static let secondsLimit = 1e7
    static let rateLimit = 1e12

    var jobSeconds: [Double] = []
    var requests: UInt64 = 0
    var readRequests: UInt64 = 0
    var bytes: UInt64 = 0
    var iops = 0.0
    var errors: UInt64 = 0
    var firstError: UInt64 = 0
    var verifyErrors: UInt64 = 0
    var latency = LatencyDistribution()
    var latencyKind = "lat"
    var lacksLatencies = false

    mutating func add(_ job: JSONValue, phasesFollow: Bool) throws(Failure) {
      addErrors(job)
      var seconds: [Double] = []
      for name in FioOutput.directions(of: job) {
        guard let direction = job[name], let count = direction["total_ios"]?.count, count > 0 else {
          continue
        }
        guard let milliseconds = direction["runtime"]?.double, let moved = direction["io_bytes"]?.count,
          let rate = direction["iops"]?.double
        else { throw Failure(description: "a job's \(name) has no runtime, io_bytes or iops") }
        seconds.append(min(max(0, milliseconds / 1000), Self.secondsLimit))
        requests &+= count
        if name == "read" { readRequests &+= count }
        bytes &+= moved
        iops += min(rate, Self.rateLimit)
        try addLatencies(direction, name: name)
      }
      let follow = phasesFollow || FioOutput.verifiesWrites(job)
      if !seconds.isEmpty { jobSeconds.append(follow ? seconds.reduce(0, +) : seconds.max() ?? 0) }
    }

    private mutating func addErrors(_ job: JSONValue) {
      let error = job["error"]?.count ?? 0
      let passed = job["total_err"]?.count ?? 0
      guard error != 0 || passed != 0 else { return }
      if firstError == 0 { firstError = error }
      if error == FioOutput.verifyError { verifyErrors &+= 1 } else { errors &+= max(1, passed) }
    }

    /// From submission to completion where fio has the bins of that, else from after the submission.
    private mutating func addLatencies(_ direction: JSONValue, name: String) throws(Failure) {
      var kind = "clat"
      var values = direction["clat_ns"]
      if let total = direction["lat_ns"], total["bins"] != nil { (kind, values) = ("lat", total) }
      // disable_clat and gtod_reduce leave no latencies; clat_percentiles=0 leaves no bins.
      guard let values, values["N"]?.count != 0, values["percentile"] != nil || values["bins"] != nil else {
        lacksLatencies = true
        return
      }
      guard case .object(let bins)? = values["bins"], let mean = values["mean"]?.double,
        let largest = values["max"]?.double, let count = values["N"]?.double
      else {
        throw Failure(description: "a job's \(name) has no latency bins: it is not of --output-format=json+")
      }
      guard bins.count <= FioOutput.binCountLimit else {
        throw Failure(description: "a job's \(name) has more than \(FioOutput.binCountLimit) latency bins")
      }
      var entries: [LatencyDistribution.Entry] = []
      for (bin, value) in bins {
        guard let nanoseconds = UInt64(bin), let count = value.count else {
          throw Failure(description: "a latency bin of a job's \(name) is not a number")
        }
        entries.append(.init(nanoseconds: nanoseconds, count: count))
      }
      if kind == "clat" { latencyKind = kind }
      latency.add(
        LatencyDistribution(
          entries: entries, sumNanoseconds: mean * count, maxNanoseconds: largest))
    }
  }
}
