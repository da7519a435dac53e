import Foundation
import Hypervisor
import MicroGuest
// Visible in all files of these tests.
@_exported import TestFolders

@testable import Bench

/// A run that never took place, with numbers that are easy to check.
enum RunFixture {
  static let configuration = RunConfiguration(
    modes: [.virtioBlock, .vext], guest: .micro, guestCount: 1, workerCount: 2, ioThreadCount: 1,
    engine: .libaio,
    rw: .randread, blockSize: ByteSize(byteCount: 4096), iodepth: 4, regionSize: ByteSize(byteCount: 1 << 20),
    runtime: TimeSpan(nanoseconds: 2_000_000_000), warmup: .milliseconds(500), requestLimit: nil,
    repetitionCount: 3,
    diskPath: nil, usesDirectIO: true, verifies: false, ioThreadCPUs: nil, vcpuCPUs: [1, 2], numaNode: nil,
    seed: 7)

  static let host = HostDescription(
    cpuModel: "Imaginary \"X\", 9000", onlineCPUCount: 4, isSMTActive: false, governor: nil, kernel: "6.1.0",
    kvmBackend: .svm, isTimingValid: true, clockSource: "tsc",
    numaNodes: [HostDescription.Node(id: 0, cpus: "0-3", memoryBytes: 1 << 30)], memoryBytes: 1 << 30,
    availableMemoryBytes: 1 << 29, transparentHugePages: "never", mitigations: ["mds": "Not affected"],
    loadAverage: [0.5, 0.25, 0.125])

  static let placement = PlacementRecord(
    ioThreadCPUs: [0], vcpuCPUs: [[1, 2]], numaNode: 0, oversubscribed: false, notes: [])

  static let identity = RunIdentity(
    runID: "00000000-0000-4000-8000-000000000000", start: Date(timeIntervalSince1970: 1_700_000_000),
    revision: SourceRevision(name: "0123456789ab", isDirty: true))

  static let context = RunContext(
    identity: identity, host: host, configuration: configuration, placement: placement)

  static let cell = RunCell(index: 0, mode: .vext, repetition: 1, seed: 11)

  /// 1,000 requests in half a second; each took 10,000 ticks of a 1 GHz TSC, which are 10 us.
  static func measurement(guest: Int = 0, iops: Double = 2000) -> CellMeasurement {
    var latency = TickLatencies(tscKHz: 1_000_000)
    latency.add(values: [UInt64](repeating: 10_000, count: 1000))
    return CellMeasurement(
      guestIndex: guest, requests: 1000, bytes: 4_096_000, errors: 0, verifiedBlocks: 0, verifyErrors: 0,
      elapsedSeconds: [0.5, 0.5], iops: iops, latency: LatencyDistribution(latency),
      exits: ExitCounts(
        total: 1500, io: 10, mmio: 990, halt: 200, hypercall: 0, irq: 250, irqInjections: 900, user: 1001),
      windowSeconds: 0.5, ioThreadCPUSeconds: 0.5, vcpuCPUSeconds: 0.75, diskByteCount: 1 << 20,
      granted: GrantedPlacement(ioThreadCPUs: ["0"], vcpuCPUs: ["1", "2"], numaNode: 0))
  }

  /// The same of a Linux guest whose exits were counted over all of fio's half second.
  static func linuxMeasurement() -> CellMeasurement {
    var measurement = measurement()
    measurement.linux = LinuxDetails(
      kernel: "6.1.0-56-amd64", fioVersion: "fio-3.33", latencyKind: "lat", measuredSeconds: 0.5,
      clockUncertaintySeconds: 0.001,
      idle: ExitRates(ExitCounts(total: 2500, irq: 500), seconds: 2),
      computing: ExitRates(ExitCounts(total: 5000, irq: 200), seconds: 2), makeFileSystem: [],
      job: "[bench]\n", fio: .object(["fio version": .string("fio-3.33")]))
    return measurement
  }

  // Made once: a debug build takes milliseconds for its histogram, and some tests have hundreds of rows.
  static let record = RunRecord(context: context, cell: cell, measurement: measurement())

  /// The document of a run without a boot.
  static var document: RunDocument {
    RunDocument(
      runID: identity.runID, startedAt: identity.startedAt, finishedAt: identity.startedAt, isComplete: true,
      gitRevision: identity.revision.name, isDirty: true, commandLine: [], host: host,
      configuration: configuration, plan: RunPlan(configuration), plannedPlacement: placement,
      nativeRoundTripNanoseconds: [], results: [])
  }

  static func boot(
    _ mode: DataPathMode, _ fileSystem: GuestFileSystem = .none, repetition: Int, iops: Double
  ) throws -> BootSummary? {
    BootSummary(
      cell: RunCell(index: 0, mode: mode, fileSystem: fileSystem, repetition: repetition, seed: 1),
      measurements: [measurement(iops: iops)])
  }
}

/// A guest without a VMM.
enum PeerFixture {
  static let linux = PeerGuest.Linux(
    kernelPath: "/boot/k", initrdPath: "/i", commandLine: "console=ttyS0 quiet",
    shares: [
      .init(directory: "/r", tag: "/dev/root", isReadOnly: false),
      .init(directory: "/", tag: "hostfs", isReadOnly: true),
    ], consolePath: "/c,1")

  static let disk = PeerGuest.Disk(
    path: "/d,1.img", byteCount: 8 << 20, isReadOnly: false, isDirect: true, engine: .libaio)

  static let guest = PeerGuest(
    name: "guest3", boot: .linux(linux), memory: ByteSize(byteCount: 512 << 20), memoryNode: 1, vcpuCount: 2,
    disk: disk)
}

extension TickLatencies {
  /// Adds single latencies, as the guest's worker does.
  mutating func add(values: [UInt64]) {
    var counts = [UInt64](repeating: 0, count: TickHistogram.bucketCount)
    for value in values { counts[TickHistogram.bucket(of: value)] += 1 }
    add(counts: counts, sumTicks: values.reduce(0, +), maxTicks: values.max() ?? 0)
  }
}
