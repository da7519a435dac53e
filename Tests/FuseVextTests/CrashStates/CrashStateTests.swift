import Testing

/// Workloads on a disk in memory, whose writes are lost in every way that a flush does not forbid.
///
/// The environment makes it longer, as `scripts/crash-states` does: `VEXT_CRASH_WORKLOADS`, `VEXT_CRASH_SEED` (of the first),
/// `VEXT_CRASH_SUBSETS` and `VEXT_CRASH_BLOCKS` (states of each), `VEXT_CRASH_THREADS`, and `VEXT_CRASH_KEEP`, which keeps
/// images of what failed.
@Suite(.serialized)
struct CrashStateTests {
  private func settings(workloads: Int, subsets: Int) -> CrashSettings {
    var settings = CrashSettings()
    settings.firstSeed = UInt64(CrashSettings.number("VEXT_CRASH_SEED") ?? 1)
    settings.workloadCount = CrashSettings.number("VEXT_CRASH_WORKLOADS") ?? workloads
    settings.subsetLimit = CrashSettings.number("VEXT_CRASH_SUBSETS") ?? subsets
    settings.blockStateCount = CrashSettings.number("VEXT_CRASH_BLOCKS") ?? 8
    settings.threadCount = CrashSettings.number("VEXT_CRASH_THREADS") ?? 1
    settings.keepsImages = CrashSettings.number("VEXT_CRASH_KEEP") != nil
    return settings
  }

  private func expectNoException(_ settings: CrashSettings) throws {
    let report = try settings.run()
    print("crash-states: \(report)")
    #expect(report.stateCount > 0)
    #expect(report.exceptionCount == 0, "\(report.exceptions.joined(separator: "\n\n"))")
  }

  @Test
  func
    `the journal keeps what was acknowledged, and each state of names in between, whichever writes are lost`()
    throws
  {
    try expectNoException(settings(workloads: 3, subsets: 40))
  }

  @Test(arguments: [CrashDefect.ignoresFlushes, .commitsEarly, .acknowledgesEarly])
  func `a lost flush, a commit block before its blocks and an early acknowledgement are found`(
    defect: CrashDefect
  ) throws {
    var settings = settings(workloads: 20, subsets: 40)
    settings.defect = defect
    settings.endsAtException = true
    let report = try settings.run()
    #expect(report.exceptionCount > 0, "\(report)")
  }

  @Test func `without a journal e2fsck keeps what was acknowledged, whichever writes are lost`() throws {
    var settings = settings(workloads: 1, subsets: 60)
    settings.usesJournal = false
    settings.kinds = [.ext2, .ext4, .ext4Checksums]
    try expectNoException(settings)
  }

  @Test(arguments: [CrashDefect.ignoresFlushes, .acknowledgesEarly])
  func `without a journal a lost flush and an early acknowledgement are found`(defect: CrashDefect) throws {
    var settings = settings(workloads: 20, subsets: 20)
    settings.usesJournal = false
    settings.kinds = [.ext4]
    // Short workloads in which much is acknowledged.
    settings.firstSeed = 8
    settings.defect = defect
    settings.endsAtException = true
    let report = try settings.run()
    #expect(report.exceptionCount > 0, "\(report)")
  }
}
