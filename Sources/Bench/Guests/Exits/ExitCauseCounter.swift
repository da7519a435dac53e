import HostSystem
import Hypervisor

/// Counts the vmexits of a boot's guests by cause, if the run asks for it and the host allows it. One thread.
final class ExitCauseCounter {
  private let counting: ExitCounting
  private let tracing: ExitTracing?
  private var groups: [ExitCounterGroup] = []
  /// Why causes are not counted although the run asks for them; nil if they are, or if it does not.
  private(set) var absence: String?

  /// Finds out what the host allows. Counts nothing yet.
  ///
  /// - Throws: ``BenchFailure`` if the run needs causes and the host does not allow it.
  init(_ counting: ExitCounting) throws {
    self.counting = counting
    guard counting != .stats else {
      tracing = nil
      return
    }
    do throws(ExitTracingObstacle) {
      tracing = try ExitTracing()
    } catch {
      tracing = nil
      try obey(error)
    }
  }

  /// Begins to count the exits of `machines`, whose vCPUs have started.
  func begin(_ machines: [any GuestMachine]) throws {
    guard let tracing else { return }
    DescriptorLimit.raise()
    let threads = machines.map { $0.vcpuThreads }
    do throws(ExitTracingObstacle) {
      var groups: [ExitCounterGroup] = []
      for threads in threads { groups.append(try tracing.counters(of: threads)) }
      self.groups = groups
    } catch {
      try obey(error)
    }
  }

  /// What each guest has counted so far; nil if nothing is counted.
  func values() throws -> [ExitCounterValues]? {
    guard !groups.isEmpty else { return nil }
    return try groups.map { try $0.values() }
  }

  /// The causes of guest `index` between two readings of ``values()``.
  ///
  /// - Parameter statistics: What KVM's statistics counted between the same readings.
  func causes(
    guest index: Int, from opening: [ExitCounterValues]?, to closing: [ExitCounterValues]?,
    statistics: ExitCounts
  ) -> ExitCauseCounts? {
    guard let tracing, let opening, let closing else { return nil }
    return ExitCauseCounts(
      closing[index].since(opening[index]), statistics: statistics, platform: tracing.platform)
  }

  private func obey(_ obstacle: ExitTracingObstacle) throws {
    guard counting == .auto else {
      throw BenchFailure("--exits trace: \(obstacle)", exitCode: obstacle.exitCode)
    }
    absence = "\(obstacle)"
  }
}

extension ExitTracingObstacle {
  /// The exit code of a run that cannot do without.
  fileprivate var exitCode: BenchFailure.Code {
    switch self {
    case .unreadable, .forbidden: .noPermission
    case .noModule, .noTracefs, .noTracepoint, .failed: .unavailable
    }
  }
}
