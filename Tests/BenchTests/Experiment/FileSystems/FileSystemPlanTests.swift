import Testing

@testable import Bench

struct FileSystemPlanTests {
  private static let settings = FileSystemFixture.settings

  @Test(
    "each repetition has every workload once on every file system, and the pairs of a workload are neighbours"
  )
  func completeness() {
    let cells = FileSystemPlan(Self.settings).cells
    #expect(cells.map(\.position) == Array(1...27))
    for repetition in 1...3 {
      let own = cells.filter { $0.repetition == repetition }
      #expect(Set(own.map(\.seed)).count == 1)
      for start in stride(from: 0, to: 9, by: 3) {
        let group = own[start..<start + 3]
        #expect(Set(group.map(\.workload)).count == 1)
        #expect(Set(group.map(\.fileSystem)) == Set(Self.settings.fileSystems))
      }
      #expect(Set(own.map(\.workload)) == Set(Self.settings.workloads))
    }
  }

  @Test("the order follows from the seed, and differs between repetitions")
  func order() {
    let cells = FileSystemPlan(Self.settings).cells
    #expect(cells == FileSystemPlan(Self.settings).cells)
    var other = Self.settings
    other.seed += 1
    #expect(cells != FileSystemPlan(other).cells)
    let orders = (1...3).map { repetition in
      cells.filter { $0.repetition == repetition }.map { "\($0.fileSystem) \($0.workload)" }
    }
    #expect(Set(orders).count > 1)
  }

  @Test("the room that is needed counts the images of the chosen workloads only")
  func room() {
    var settings = Self.settings
    settings.workloads = [.read]
    #expect(settings.imageByteCount(.data) == 88 << 20)
    #expect(settings.byteCount == 264 << 20)
    settings.workloads = [.stat]
    #expect(settings.contents == [.names])
    #expect(settings.byteCount == 3 * ((64 << 20) + 100 * (16 << 10)))
  }
}
