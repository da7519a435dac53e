import Testing

@testable import FuseVext

/// Long changes of a file's blocks come in steps that a journal's transaction has room for.
struct StepMeterTests {
  /// Runs that are scattered over a device of 8192 blocks per group.
  private func scatteredMap(runCount: UInt64) -> ExtentMap {
    var generator = SystemRandomNumberGenerator()
    var logical: UInt64 = 0
    var map = ExtentMap()
    for _ in 0..<runCount {
      logical += UInt64.random(in: 0...300, using: &generator)
      let count = UInt64.random(in: 1...50_000, using: &generator)
      let run = Run(
        logical: logical, physical: UInt64.random(in: 1...1 << 31, using: &generator), count: count,
        state: .pending)
      map.replace(run.logical..<run.logicalEnd, with: [run])
      logical = run.logicalEnd
    }
    return map
  }

  private func groups(_ runs: [Run]) -> Int {
    Set(runs.flatMap { Array(($0.physical - 1) / 8192...($0.physical + $0.count - 2) / 8192) }).count
  }

  private func pointerBlocks(_ runs: [Run]) -> Int {
    Set(
      runs.flatMap { run in
        Array((max(run.logical, 12) - 12) / 256...(max(run.logicalEnd - 1, 12) - 12) / 256)
      }
    ).count
  }

  @Test(arguments: [nil, 256] as [UInt64?])
  func `steps that free a range touch few blocks each, and together all of it`(pointerCount: UInt64?) {
    let meter = StepMeter(firstDataBlock: 1, blocksPerGroup: 8192, pointerCount: pointerCount)
    let map = scatteredMap(runCount: 200)
    let range = map.runs[0].logical + 3..<map.end - 7
    var rest = map
    var end = range.upperBound
    while end > range.lowerBound {
      let step = rest.lastStep(of: range.lowerBound..<end, meter)
      #expect(step.upperBound == end && !step.isEmpty)
      let freed = rest.runs(in: step)
      #expect(groups(freed) <= 24)
      if pointerCount != nil { #expect(pointerBlocks(freed) <= 21) }
      rest.replace(step, with: [])
      end = step.lowerBound
    }
    #expect(rest.runs(in: range).isEmpty)
    #expect(rest.runs(in: 0..<range.lowerBound) == map.runs(in: 0..<range.lowerBound))
  }

  @Test(arguments: [nil, 256] as [UInt64?])
  func `steps of a commit touch few blocks each, and together all that was pending`(pointerCount: UInt64?) {
    let meter = StepMeter(firstDataBlock: 1, blocksPerGroup: 8192, pointerCount: pointerCount)
    let map = scatteredMap(runCount: 200)
    var committed = map
    var position: UInt64 = 0
    while committed.hasPendingRuns(from: position) {
      let step = committed.pendingRuns(from: position, meter)
      #expect(groups(step) <= 24 && step.count <= 512)
      guard let last = step.last else { return #expect(Bool(false), "a step does something") }
      position = last.logicalEnd
    }
    committed.markWritten(below: position)
    #expect(committed.runs.allSatisfy { $0.state == .written })
    #expect(committed.runs.map(\.logical) == map.runs.map(\.logical))
  }

  @Test func `what a step of a commit has not reached stays pending`() {
    var map = ExtentMap()
    map.replace(10..<30, with: [Run(logical: 10, physical: 100, count: 20, state: .pending)])
    map.markWritten(below: 17)
    #expect(
      map.runs == [
        Run(logical: 10, physical: 100, count: 7, state: .written),
        Run(logical: 17, physical: 107, count: 13, state: .pending),
      ])
  }
}
