import Foundation
import Testing

@testable import Bench

struct RunDocumentTests {
  private var document: RunDocument {
    let measurement = RunFixture.measurement()
    return RunDocument(
      runID: RunFixture.identity.runID, startedAt: RunFixture.identity.startedAt,
      finishedAt: "2023-11-14T22:13:40Z", isComplete: true, gitRevision: "0123456789ab", isDirty: true,
      commandLine: ["bench", "run"], host: RunFixture.host, configuration: RunFixture.configuration,
      plan: RunPlan(RunFixture.configuration), plannedPlacement: RunFixture.placement,
      nativeRoundTripNanoseconds: [118.5],
      results: [
        RunDocument.Result(
          row: RunFixture.record, grantedPlacement: measurement.granted, workerElapsedSeconds: [0.5, 0.5],
          latencyHistogram: NanosecondHistogram(measurement.latency))
      ])
  }

  @Test("the document is read back as it was written")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    try document.write(to: folder.file("run.json"))
    let data = try Data(contentsOf: URL(filePath: folder.file("run.json")))
    #expect(try JSONDecoder().decode(RunDocument.self, from: data) == document)
    #expect(try folder.entries == ["run.json"])
  }

  @Test("its keys are those of the schema page, and a row's keys the CSV's columns")
  func keys() throws {
    let object = try #require(try JSONSerialization.jsonObject(with: document.encoded()) as? [String: Any])
    #expect(
      Set(object.keys) == [
        "schema_version", "run_id", "started_at", "finished_at", "complete", "git_revision", "dirty",
        "command_line",
        "host", "configuration", "plan", "planned_placement", "native_round_trip_ns", "results",
      ])
    let results = try #require(object["results"] as? [[String: Any]])
    let row = try #require(results.first?["row"] as? [String: Any])
    // What a micro guest does not have is left out.
    let ofLinux: Set<String> = [
      "idle_vmexits_per_s", "idle_io_vmexits_per_s", "computing_vmexits_per_s", "computing_io_vmexits_per_s",
      "io_vmexits_per_io_beyond_idle", "io_vmexits_per_io_beyond_computing", "clock_step_s", "fio_group",
      "fio_bs",
      "fio_numjobs", "fio_thread", "fio_rate", "mkfs",
      // What was not measured, as on a host that does not tell.
      "steal_share", "other_cpu_share", "throttled_s", "mixed_cores",
    ]
    // What tracepoints count.
    let traced = ExitCause.allCases.map { "cause_\($0.rawValue)" } + ["traced_vmexits"]
    #expect(
      Set(row.keys) == Set(RecordColumns.all.map { $0.name }).subtracting(ofLinux).subtracting(traced))
    let configuration = try #require(object["configuration"] as? [String: Any])
    #expect(configuration["block_bytes"] as? Int == 4096)
    #expect(configuration["runtime_s"] as? Double == 2)
    #expect(configuration["vcpu_cpus"] as? [Int] == [1, 2])
  }

  @Test("a file that cannot be made is a failure with its path")
  func unwritable() throws {
    let error = #expect(throws: BenchFailure.self) { try document.write(to: "/no/such/folder/run.json") }
    #expect(error?.description.contains("/no/such/folder/run.json") == true)
  }
}
