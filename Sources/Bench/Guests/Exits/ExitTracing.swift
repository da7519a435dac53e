import HostSystem
import SystemPackage

/// What this host needs in order to count vmexits by cause: KVM's tracepoints, and the right to count them.
struct ExitTracing: Sendable {
  /// Whose exit reasons they are.
  let platform: ExitPlatform
  private let probes: [ExitProbe]
  private let numbers: [ExitProbe.Tracepoint: UInt64]

  /// The kernel's file with the least privilege that may count in the kernel.
  private static let paranoidFile = "proc/sys/kernel/perf_event_paranoid"
  /// Where tracefs is mounted by custom.
  private static let customFolder = "sys/kernel/tracing"

  /// Finds the tracepoints, and tries them on the calling thread.
  ///
  /// - Throws: ``ExitTracingObstacle``, which says what is missing.
  init(files: KernelFiles = KernelFiles(root: "/")) throws(ExitTracingObstacle) {
    try self.init(found: files)
    do throws(Errno) {
      let own = ForeignThread(id: 0)
      let leader = try TracepointCounter(tracepoint: number(of: probes[0]), filter: probes[0].filter, of: own)
      for probe in probes.dropFirst() {
        _ = try TracepointCounter(
          tracepoint: number(of: probe), filter: probe.filter, of: own, leader: leader)
      }
    } catch {
      throw Self.obstacle(error, files)
    }
  }

  /// Finds the tracepoints, without trying them.
  init(found files: KernelFiles) throws(ExitTracingObstacle) {
    guard let platform = ExitPlatform(files) else { throw .noModule }
    self.platform = platform
    probes = ExitProbe.all(on: platform)
    let mounts = files.lines("proc/self/mounts").map { $0.split(separator: " ").map(String.init) }
    let folders = mounts.filter { $0.count > 2 && $0[2] == "tracefs" }.map {
      String($0[1].drop { $0 == "/" })
    }
    guard let folder = folders.first(where: { $0 == Self.customFolder }) ?? folders.first else {
      throw .noTracefs
    }
    var numbers: [ExitProbe.Tracepoint: UInt64] = [:]
    for tracepoint in Set(probes.map(\.tracepoint)) {
      guard let number: UInt64 = files.number("\(folder)/events/kvm/\(tracepoint.rawValue)/id") else {
        guard !files.entries("\(folder)/events").isEmpty else { throw .unreadable(folder: "/\(folder)") }
        throw .noTracepoint(tracepoint.rawValue)
      }
      numbers[tracepoint] = number
    }
    self.numbers = numbers
  }

  private func number(of probe: ExitProbe) -> UInt64 { numbers[probe.tracepoint] ?? 0 }

  private static func obstacle(_ error: Errno, _ files: KernelFiles) -> ExitTracingObstacle {
    switch error {
    case .permissionDenied, .notPermitted: .forbidden(paranoid: files.number(paranoidFile))
    default: .failed(error)
    }
  }

  /// Begins to count the vmexits of vCPUs whose threads are `threads`.
  ///
  /// - Throws: ``ExitTracingObstacle``, of which a lack of descriptors is one.
  func counters(of threads: [ForeignThread]) throws(ExitTracingObstacle) -> ExitCounterGroup {
    do throws(Errno) {
      return try ExitCounterGroup(threads: threads, probes: probes.map { ($0, number(of: $0)) })
    } catch {
      throw Self.obstacle(error, KernelFiles(root: "/"))
    }
  }
}

/// Why vmexits cannot be counted by cause on a host.
enum ExitTracingObstacle: Error, Equatable, CustomStringConvertible {
  /// No module of KVM is loaded.
  case noModule
  /// The file system that lists tracepoints is not mounted.
  case noTracefs
  /// It is mounted, and this user may not look into it.
  case unreadable(folder: String)
  /// The kernel has no such tracepoint.
  case noTracepoint(String)
  /// This process may not count in the kernel.
  case forbidden(paranoid: Int?)
  /// The kernel refused for another reason.
  case failed(Errno)

  var description: String {
    switch self {
    case .noModule: "no module of KVM is loaded"
    case .noTracefs: "tracefs is not mounted; run 'mount -t tracefs nodev /sys/kernel/tracing' as root"
    case .unreadable(let folder):
      "\(folder) (tracefs) may not be read; run bench as root, or 'mount -o remount,mode=0750,gid=GROUP \(folder)' as root"
    case .noTracepoint(let name):
      "the kernel has no tracepoint kvm:\(name); it needs CONFIG_FTRACE and a KVM of Linux 5.10 or newer"
    case .forbidden(let paranoid):
      "perf_event_open is forbidden; give bench CAP_PERFMON, or set kernel.perf_event_paranoid to 1 or less"
        + (paranoid.map { " (it is \($0))" } ?? "")
    case .failed(.tooManyOpenFiles):
      "too few descriptors (ulimit -n): there are some twenty counters for each vCPU"
    case .failed(let error): "perf_event_open of KVM's tracepoints: \(error)"
    }
  }
}
