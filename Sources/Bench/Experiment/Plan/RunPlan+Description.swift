import Foundation
import Hypervisor

extension RunPlan {
  /// What `--dry-run` prints: the matrix, the placement, the order and the time that it takes.
  func description(of configuration: RunConfiguration, placement: PlacementRecord) -> String {
    var lines = [
      "paths        \(configuration.paths.map(\.name).joined(separator: ", "))",
      "workload     \(Self.workload(of: configuration))",
    ]
    lines += Self.machines(of: configuration)
    lines += [
      "disk         \(Self.disk(of: configuration))", "window       \(Self.window(of: configuration))",
    ]
    if !configuration.guestReason.isEmpty {
      lines.insert("guest        \(configuration.guest.rawValue): \(configuration.guestReason)", at: 2)
    }
    if let job = configuration.linux?.job {
      lines.insert(contentsOf: Self.phases(of: job), at: 2)
    }
    for path in configuration.pathsLeftOut {
      lines.insert("left out     \(path.name): \(configuration.reasonForLeavingOut(path))", at: 1)
    }
    if configuration.needsMachine { lines += Self.lines(of: placement) }
    lines.append("order        \(cells.count) boots, seed \(configuration.seed)")
    for repetition in 1...configuration.repetitionCount {
      let paths = cells.filter { $0.repetition == repetition }.map(\.path.name)
      lines.append("             repetition \(repetition): \(paths.joined(separator: ", "))")
    }
    lines.append("time         \(estimatedTime(of: configuration))")
    return lines.joined(separator: "\n")
  }

  private static func machines(of configuration: RunConfiguration) -> [String] {
    guard configuration.needsMachine else {
      return [
        "machines     none: fio runs on the host, \(configuration.workerCount) worker(s), nothing is pinned"
      ]
    }
    return [
      "guests       \(configuration.guestCount) x \(configuration.guest.rawValue), "
        + "\(configuration.workerCount) worker(s) each"
        + (configuration.busyGuests < configuration.guestCount ? ", \(configuration.busyGuests) busy" : ""),
      "I/O threads  \(configuration.ioThreadCount), engine \(configuration.engine.rawValue)",
    ]
  }

  private static func lines(of placement: PlacementRecord) -> [String] {
    ["I/O CPUs     \(list(placement.ioThreadCPUs))"]
      + placement.vcpuCPUs.enumerated().map { "vCPU CPUs    guest \($0.offset): \(list($0.element))" }
      + [
        "NUMA node    \(placement.numaNode.map(String.init) ?? "not bound")",
        "cores        \(placement.oversubscribed ? "OVERSUBSCRIBED: threads share CPUs" : "enough")",
      ] + placement.notes.map { "note         \($0)" }
  }

  private func estimatedTime(of configuration: RunConfiguration) -> String {
    guard let seconds = Self.estimatedSecondsPerCell(configuration) else {
      return "unknown: \(configuration.linux?.job == nil ? "--requests" : "the job file") ends the window"
    }
    return String(format: "about %.1f s, and the filling of bench's own disk", seconds * Double(cells.count))
  }

  /// What the row of each phase will say, and what bench changes.
  private static func phases(of job: FioJobFile) -> [String] {
    let phases = job.phases.enumerated().flatMap { index, phase in
      let title = (job.phases.count > 1 ? "phase \(index + 1)" : "job").padding(
        toLength: 13, withPad: " ", startingAt: 0)
      return zip(phase.groupNames, phase.groups).map { "\(title)\($0): \($1.summary)" }
    }
    return phases + ["changes      \(job.changeNote)"] + (job.groupNote.map { ["groups       \($0)"] } ?? [])
  }

  private static func workload(of configuration: RunConfiguration) -> String {
    if let job = configuration.linux?.job {
      return "fio job file \(job.name), size \(configuration.regionSize)"
    }
    return "\(configuration.rw.rawValue), bs \(configuration.blockSize), iodepth \(configuration.iodepth), "
      + "size \(configuration.regionSize)" + (configuration.thinkTime.map { ", thinking \($0)" } ?? "")
      + (configuration.verifies ? ", verified" : "")
  }

  private static func disk(of configuration: RunConfiguration) -> String {
    (configuration.diskPath ?? "a file of its own for each guest")
      + (configuration.usesDirectIO ? ", O_DIRECT" : ", through the page cache")
      + (configuration.linux?.imageType.map { ", \($0.rawValue)" } ?? "")
      + (configuration.startsCold == true ? ", cold caches" : "")
  }

  private static func window(of configuration: RunConfiguration) -> String {
    if let job = configuration.linux?.job { return "as \(job.name) says" }
    var ends: [String] = []
    if let runtime = configuration.runtime { ends.append("\(runtime)") }
    if let limit = configuration.requestLimit { ends.append("\(limit) requests per worker") }
    return ends.joined(separator: " or ") + ", after \(configuration.warmup) of warm-up"
  }

  private static func list(_ cpus: [Int]) -> String {
    cpus.isEmpty ? "not pinned" : cpus.map(String.init).joined(separator: " ")
  }
}
