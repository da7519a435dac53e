import Foundation

/// What a reader must know before believing the table.
enum Footnotes {
  /// One sentence a line.
  static func lines(context: RunContext, boots: [BootSummary], nativeRoundTrips: [Double]) -> [String] {
    pollingOnSharedCPUs(context) + [repetitions(boots), "host: \(context.host.summary)"]
      + guest(context.configuration)
      + peers(boots)
      + timing(context.host) + cores(context.placement)
      + roundTrip(nativeRoundTrips, boots: boots) + Set(boots.flatMap(\.causesNotes)).sorted()
  }

  /// First of all, where a path polls on CPUs that other threads need.
  private static func pollingOnSharedCPUs(_ context: RunContext) -> [String] {
    guard context.placement.oversubscribed, context.configuration.modes.contains(.vext) else { return [] }
    return [
      "vext polls all the time, here on CPUs that other threads need, so that each waits for the others' time slices; "
        + "vext-adaptive gives such CPUs up"
    ]
  }

  private static func guest(_ configuration: RunConfiguration) -> [String] {
    let reason = configuration.guestReason
    let changes = configuration.linux?.job.map { "job file \($0.name): \($0.changeNote)" }
    return (configuration.modeReason.map { ["modes: \($0)"] } ?? [])
      + (reason.isEmpty ? [] : ["guest: \(configuration.guest.rawValue), \(reason)"])
      + (changes.map { [$0] } ?? []) + (configuration.linux?.job?.groupNote.map { [$0] } ?? [])
      + configuration.pathsLeftOut.map { "left out: \($0.name): \(configuration.reasonForLeavingOut($0))" }
  }

  private static func peers(_ boots: [BootSummary]) -> [String] {
    let lines = boots.compactMap { boot in
      boot.peer.map { peer in
        let end = peer.badEnd.map { "; \($0) after its guest's end" } ?? ""
        return "\(boot.path.vmm.rawValue): \(peer.version), exits from \(peer.exitSource.rawValue)\(end)"
      }
    }
    return Set(lines).sorted()
  }

  private static func repetitions(_ boots: [BootSummary]) -> String {
    // A boot has one summary for each part of a job file.
    let columns = Dictionary(grouping: boots) { "\($0.path.name) \($0.part)" }
    let counts = Set(columns.values.map(\.count)).sorted()
    guard let fewest = counts.first, let most = counts.last else { return "all boots failed" }
    if most == 1 { return "one boot per column: the spread is unknown; --repeat 5 shows it" }
    let number = fewest == most ? "\(most)" : "\(fewest) to \(most)"
    return "median of \(number) boots per column (smallest..largest); a ratio is taken within its repetition"
  }

  private static func timing(_ host: HostDescription) -> [String] {
    host.isTimingValid
      ? [] : ["times on this host (\(host.kvmBackend.rawValue)) mean nothing in absolute terms; counts do"]
  }

  private static func cores(_ placement: PlacementRecord) -> [String] {
    (placement.oversubscribed ? ["too few cores: threads shared CPUs, which slows those that poll"] : [])
      + placement.notes
  }

  private static func roundTrip(_ roundTrips: [Double], boots: [BootSummary]) -> [String] {
    guard let spread = Spread(roundTrips), spread.median > 0,
      let mean = Spread(boots.compactMap { $0.latency?.mean })
    else {
      return []
    }
    let native = String(format: "%.0f ns (%.0f..%.0f)", spread.median, spread.minimum, spread.maximum)
    let ratio = String(format: "%.0f ns, %.2f times that", mean.median, mean.median / spread.median)
    return ["two native threads bounce a cache line in \(native); mean latency over all boots \(ratio)"]
  }
}
