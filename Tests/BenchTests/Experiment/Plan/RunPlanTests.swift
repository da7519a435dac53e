import HostSystem
import Testing

@testable import Bench

struct RunPlanTests {
  private let paths = DataPathMode.defaults.map { DataPath($0) }

  @Test("the same seed makes the same plan")
  func determinism() {
    let plan = RunPlan(paths: paths, repetitionCount: 20, seed: 5)
    #expect(plan == RunPlan(paths: paths, repetitionCount: 20, seed: 5))
    #expect(plan != RunPlan(paths: paths, repetitionCount: 20, seed: 6))
  }

  @Test("each repetition runs every mode once before the next begins")
  func interleaving() {
    let plan = RunPlan(paths: paths, repetitionCount: 7, seed: 1)
    #expect(plan.cells.map(\.index) == Array(0..<7 * paths.count))
    for repetition in 1...7 {
      let block = plan.cells[(repetition - 1) * paths.count..<repetition * paths.count]
      #expect(block.allSatisfy { $0.repetition == repetition })
      #expect(Set(block.map(\.path)) == Set(paths))
    }
  }

  @Test("the order within the repetitions varies, and every mode comes first at times")
  func shuffling() {
    let plan = RunPlan(paths: paths, repetitionCount: 50, seed: 1)
    let first = stride(from: 0, to: plan.cells.count, by: paths.count).map { plan.cells[$0].path }
    #expect(Set(first) == Set(paths))
  }

  @Test("the modes of a repetition share the workload's seed, and no other repetition has it")
  func workloadSeeds() {
    let plan = RunPlan(paths: paths, repetitionCount: 10, seed: 3)
    let seeds = (1...10).map { repetition in
      Set(plan.cells.filter { $0.repetition == repetition }.map(\.seed))
    }
    #expect(seeds.allSatisfy { $0.count == 1 })
    #expect(Set(seeds).count == 10)
    #expect(plan.cells.allSatisfy { $0.seed < 1 << 53 })
  }

  @Test("the generator follows its published sequence")
  func generator() {
    var generator = SplitMix64(seed: 1_234_567)
    #expect(
      (0..<3).map { _ in generator.next() }
        == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
  }

  @Test("the plan in words names matrix, placement, order and time")
  func description() {
    let configuration = RunFixture.configuration
    var placement = RunFixture.placement
    placement.oversubscribed = true
    placement.notes = ["too few cores"]
    let text = RunPlan(paths: [DataPath(.vext)], repetitionCount: 3, seed: 7)
      .description(of: configuration, placement: placement)
    #expect(
      text == """
        paths        virtio-blk, vext
        workload     randread, bs 4k, iodepth 4, size 1m
        guests       1 x micro, 2 worker(s) each
        I/O threads  1, engine libaio
        disk         a file of its own for each guest, O_DIRECT
        window       2s, after 500ms of warm-up
        I/O CPUs     0
        vCPU CPUs    guest 0: 1 2
        NUMA node    0
        cores        OVERSUBSCRIBED: threads share CPUs
        note         too few cores
        order        3 boots, seed 7
                     repetition 1: vext
                     repetition 2: vext
                     repetition 3: vext
        time         about 7.9 s, and the filling of bench's own disk
        """)
  }
}
