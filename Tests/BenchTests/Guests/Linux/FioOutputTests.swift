import Foundation
import Testing

@testable import Bench

/// The files in FioOutputs were written by fio 3.33.
struct FioOutputTests {
  private static func recorded(_ name: String) throws -> Data {
    let url = try #require(
      Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "FioOutputs"))
    return try Data(contentsOf: url)
  }

  private static func output(_ name: String, verifies: Bool = false) throws -> FioOutput {
    try FioOutput(recorded(name), verifies: verifies)
  }

  @Test func `a group of jobs is read with its window, its rates and its latencies`() throws {
    let output = try Self.output("randread")
    #expect(output.version == "fio-3.33")
    #expect(output.requests == 22_404)
    #expect(output.readRequests == 22_404)
    // fio counts what was in flight when the ramp ended as bytes, not as requests.
    #expect(output.bytes == 1_468_727_296)
    #expect(abs(output.iops - 22_314.741) < 0.001)
    #expect(output.measuredSeconds == 1.004)
    #expect(output.endMilliseconds > 1_795_000_000_000)
    #expect(output.errors == 0)
    #expect(output.latencyKind == "lat")
  }

  @Test func `its percentiles are computed from the bins, and agree with fio's own`() throws {
    let output = try Self.output("randread")
    let summary = LatencySummary(output.latency)
    let total = try #require(output.json["jobs"]?.array?.first?["read"]?["lat_ns"])
    for (value, key) in [
      (summary.p50, "50.000000"), (summary.p99, "99.000000"), (summary.p99_9, "99.900000"),
    ] {
      let expected = try #require(total["percentile"]?[key]?.double)
      #expect(abs(value - expected) < expected * 0.02)
    }
    #expect(abs(summary.mean - (total["mean"]?.double ?? 0)) < summary.mean * 0.001)
    #expect(summary.max == total["max"]?.double)
    #expect(NanosecondHistogram(output.latency).counts.reduce(0, +) == total["N"]?.count)
  }

  @Test func `jobs and directions add up, and clat stands in where fio was asked for no other`() throws {
    let output = try Self.output("randrw-clat")
    #expect(output.requests == 132 + 124 + 256)
    #expect(output.readRequests == 132 + 256)
    #expect(output.jobSeconds == [0.016, 0.012])
    #expect(output.measuredSeconds == 0.016)
    #expect(output.latencyKind == "clat")
  }

  /// Jobs that each read 100 times, for as many milliseconds.
  private static func jobs(_ milliseconds: [Int]) -> Data {
    let jobs = milliseconds.map {
      """
      {"read": {"total_ios": 100, "runtime": \($0), "io_bytes": 409600, "iops": \(100_000.0 / Double($0)), \
      "clat_ns": {"mean": 1, "max": 1, "N": 100, "bins": {"1": 100}}}}
      """
    }
    return Data("{\"fio version\": \"x\", \"jobs\": [\(jobs.joined(separator: ","))]}".utf8)
  }

  @Test func `a job that ended early adds its requests to the rate of the phase, not its own rate`() throws {
    let output = try FioOutput(Self.jobs([1000, 10_000]), verifies: false)
    #expect(output.measuredSeconds == 10)
    #expect(output.iops == 20)
  }

  @Test func `groups of jobs have requests of their own, and the window of the phase`() throws {
    let phase = try FioJobFile(
      name: "x", sections: FioJobReader(text: "[a]\nnumjobs=2\n[b]\nnew_group\n").sections
    ).phases[0]
    let output = try FioOutput(Self.jobs([1000, 1000, 10_000]), verifies: false)
    let groups = try output.groups(of: phase, verifies: false)
    #expect(groups.map(\.requests) == [200, 100])
    #expect(groups.map(\.iops) == [20, 10])
    #expect(groups.map(\.measuredSeconds) == [10, 10])
    #expect(groups.map { NanosecondHistogram($0.latency).counts.reduce(0, +) } == [200, 100])
    #expect(try output.groups(of: nil, verifies: false) == [output])
    let failure = #expect(throws: FioOutput.Failure.self) {
      try FioOutput(Self.jobs([1000, 1000]), verifies: false).groups(of: phase, verifies: false)
    }
    #expect(failure?.description == "it does not have the 3 jobs of its groups")
  }

  @Test func `a row of a group divides exits and CPU time by the requests of its phase`() throws {
    let job = try FioJobFile(
      name: "x", sections: FioJobReader(text: "[a]\n[b]\nnew_group\n").sections)
    let output = try FioOutput(Self.jobs([500, 500]), verifies: false)
    let whole = RunFixture.linuxMeasurement()
    let parts = whole.parts(
      try output.groups(of: job.phases[0], verifies: false), ofPhase: 0, job: job)
    #expect(parts.map(\.part) == [0, 1])
    #expect(parts.map(\.requests) == [100, 100])
    #expect(parts.allSatisfy { $0.windowRequests == whole.windowRequests && $0.exits == whole.exits })
    var context = RunFixture.context
    context.configuration.guest = .linux
    context.configuration.linux = LinuxConfiguration(
      kernelPath: "/k", initrdPath: nil, kernelParameters: "", memory: ByteSize(byteCount: 1 << 29),
      ioengine: .libaio, idleSpan: .milliseconds(0), job: job)
    let row = RunRecord(context: context, cell: RunFixture.cell, measurement: parts[1])
    #expect(row.fioGroup == "b of a+b" && row.iops == 200 && row.vmexitsPerIO == 1.5)
  }

  @Test func `a verifying job writes and then reads: its phases follow one another`() throws {
    #expect(try Self.output("verify", verifies: true).measuredSeconds == 0.023)
    // Its own options say so too, as they do in a user's job file.
    #expect(try Self.output("verify").measuredSeconds == 0.023)
    #expect(try Self.output("verify", verifies: true).readRequests == 64)
  }

  @Test(arguments: ["unified-mixed", "unified-both"])
  func `requests that fio sums over the directions are counted once`(name: String) throws {
    let output = try Self.output(name)
    #expect(output.requests == 16)
    #expect(output.bytes == 65_536)
    #expect(output.readRequests == (name == "unified-both" ? 10 : 0))
    #expect(NanosecondHistogram(output.latency).counts.reduce(0, +) == 16)
    #expect(output.latencyKind == (name == "unified-both" ? "lat" : "clat"))
  }

  @Test(arguments: ["gtod-reduce", "disable-clat", "no-percentiles"])
  func `a job that keeps no latencies has none, and its requests count`(name: String) throws {
    let output = try Self.output(name)
    #expect(output.requests == 16)
    #expect(output.iops > 0)
    #expect(output.latency == LatencyDistribution())
    #expect(output.latencyKind == "none")
  }

  @Test func `latencies of some jobs do not pass for those of all`() throws {
    func jobs(_ name: String) throws -> [JSONValue] { try Self.output(name).json["jobs"]?.array ?? [] }
    let both: JSONValue = .object([
      "fio version": .string("fio-3.33"), "jobs": .array(try jobs("randrw-clat") + jobs("gtod-reduce")),
    ])
    let output = try FioOutput(JSONEncoder().encode(both), verifies: false)
    #expect(output.requests == 132 + 124 + 256 + 16)
    #expect(output.latency.entries.isEmpty && output.latencyKind == "none")
  }

  @Test func `a job of a user's that writes and verifies afterwards takes the time of both`() throws {
    let direction = """
      {"total_ios": 1, "runtime": 1000, "io_bytes": 1, "iops": 1}
      """
    func seconds(_ options: String) throws -> Double {
      let text = """
        {"fio version": "x", "jobs": [{"job options": \(options), "read": \(direction), "write": \(direction)}]}
        """
      return try FioOutput(Data(text.utf8), verifies: false).measuredSeconds
    }
    #expect(try seconds("{\"rw\": \"write\", \"verify\": \"crc32c\"}") == 2)
    #expect(try seconds("{\"rw\": \"write\", \"verify\": \"crc32c\", \"do_verify\": \"0\"}") == 1)
    #expect(try seconds("{\"rw\": \"randrw\", \"verify\": \"crc32c\"}") == 1)
    #expect(try seconds("{}") == 1)
    #expect(try seconds("3") == 1)
  }

  @Test func `data other than written is a verify error and no other`() throws {
    let output = try Self.output("verify-fail", verifies: true)
    #expect(output.verifyErrors == 1)
    #expect(output.errors == 0)
  }

  @Test func `messages around the JSON object are passed over`() throws {
    let noisy = Data("fio: something is odd\n".utf8) + (try Self.recorded("verify")) + Data("\ntail\n".utf8)
    #expect(try FioOutput(noisy, verifies: false).requests == 128)
  }

  @Test func `output that is cut off anywhere is refused, never half read`() throws {
    let whole = try Self.recorded("randrw-clat")
    for length in stride(from: 0, to: whole.count - 3, by: 997) {
      #expect(throws: FioOutput.Failure.self) { try FioOutput(whole.prefix(length), verifies: false) }
    }
  }

  @Test(
    arguments: [
      "", "no json", "{}", "[]", "{\"fio version\": 3}", "{\"fio version\": \"x\", \"jobs\": []}",
      "{\"fio version\": \"x\", \"jobs\": [{}]}", "{\"fio version\": \"x\", \"jobs\": [{\"error\": 5}]}",
      "{\"fio version\": \"x\", \"jobs\": [{\"read\": {\"total_ios\": 1}}]}",
      """
      {"fio version": "x", "jobs": [{"read": {"total_ios": 1, "runtime": 1, "io_bytes": 1, "iops": 1, \
      "clat_ns": {"mean": 1, "max": 1, "N": 1, "percentile": {"50.0": 1}}}}]}
      """,
      """
      {"fio version": "x", "jobs": [{"read": {"total_ios": 1, "runtime": 1, "io_bytes": 1, "iops": 1, \
      "clat_ns": {"mean": 1, "max": 1, "N": 1, "bins": {"x": 1}}}}]}
      """,
      """
      {"fio version": "x", "jobs": [{"read": {"total_ios": 1, "runtime": 1, "io_bytes": 1, "iops": 1, \
      "clat_ns": {"mean": 1, "max": 1, "N": 1, "bins": {"1": -1}}}}]}
      """,
    ])
  func `output that is not fio's is refused with a sentence`(text: String) {
    let failure = #expect(throws: FioOutput.Failure.self) { try FioOutput(Data(text.utf8), verifies: false) }
    #expect(failure?.description.isEmpty == false)
  }

  @Test func `absurd figures of a guest overflow nothing`() throws {
    let text = """
      {"fio version": "x", "timestamp_ms": 9e18, "jobs": [{"total_err": 18e18, "read": {"total_ios": 9e18, \
      "runtime": 1e300, "io_bytes": 9e18, "iops": 1e300, "clat_ns": {"mean": 1e300, "max": 1e300, "N": 9e18, \
      "bins": {"18446744073709551615": 9000000000000000000, "1": 9000000000000000000}}}}]}
      """
    let output = try FioOutput(Data(text.utf8), verifies: false)
    #expect(output.requests > 0)
    #expect(LatencySummary(output.latency).p50 > 0)
    // The first bin takes all that is counted.
    #expect(NanosecondHistogram(output.latency).counts == [1 << 60])
  }

  @Test func `histograms of many jobs saturate instead of overflowing`() throws {
    let bins = (0..<1800).map { "\"\($0 + 1)\": 9000000000000000000" }.joined(separator: ",")
    let job = """
      {"read": {"total_ios": 9e18, "runtime": 1, "io_bytes": 9e18, "iops": 1, \
      "clat_ns": {"mean": 1e300, "max": 1e300, "N": 9e18, "bins": {\(bins)}}}}
      """
    let jobs = Array(repeating: job, count: 80).joined(separator: ",")
    let output = try FioOutput(
      Data("{\"fio version\": \"x\", \"jobs\": [\(jobs)]}".utf8), verifies: false)
    var latency = output.latency
    latency.add(output.latency)
    #expect(NanosecondHistogram(latency).counts.reduce(0, +) == 1 << 60)
    #expect(LatencySummary(latency).p50 > 0)
    #expect(LatencySummary(latency).mean.isFinite)
  }

  @Test func `output that is too deep, or has too many jobs or bins, is refused`() throws {
    func failure(_ text: String) -> String? {
      do throws(FioOutput.Failure) {
        _ = try FioOutput(Data(text.utf8), verifies: false)
        return nil
      } catch {
        return error.description
      }
    }
    let deep = String(repeating: "[", count: 400) + String(repeating: "]", count: 400)
    #expect(failure("{\"fio version\": \"x\", \"jobs\": \(deep)}")?.contains("32 levels") == true)
    // Brackets inside a string do not count.
    #expect(failure("{\"fio version\": \"\(deep)\\\"[\"}") == "it has no jobs")
    let jobs = Array(repeating: "{}", count: 4097).joined(separator: ",")
    #expect(failure("{\"fio version\": \"x\", \"jobs\": [\(jobs)]}")?.contains("4097 jobs") == true)
    let bins = (0...4096).map { "\"\($0)\": 1" }.joined(separator: ",")
    let job = """
      {"read": {"total_ios": 1, "runtime": 1, "io_bytes": 1, "iops": 1, \
      "clat_ns": {"mean": 1, "max": 1, "N": 1, "bins": {\(bins)}}}}
      """
    #expect(failure("{\"fio version\": \"x\", \"jobs\": [\(job)]}")?.contains("4096 latency bins") == true)
    let large = "{\"fio version\": \"" + String(repeating: "x", count: 17 << 20) + "\"}"
    #expect(failure(large)?.contains("16 MiB") == true)
  }
}

extension JSONValue {
  fileprivate var array: [JSONValue]? {
    if case .array(let values) = self { values } else { nil }
  }
}
