import Testing

@testable import FuseVext

struct ExtentNodeTests {
  private let all = 0..<ExtentNode.logicalLimit

  @Test func `a leaf and an index come back from their bytes`() {
    let leaf = ExtentNode(runs: [
      Run(logical: 3, physical: 0x1234_5678_9ABC, count: 32768, state: .written),
      Run(logical: 40000, physical: 77, count: 32767, state: .unwritten),
      Run(logical: 0xFFFF_FFFE, physical: 78, count: 1, state: .written),
    ])
    #expect(leaf.entries.count == 3)
    #expect(ExtentNode(leaf.encoded(byteCount: 60), depth: nil, range: all) == leaf)
    let index = ExtentNode(
      depth: 2,
      entries: [
        ExtentNode.Entry(logical: 0, physical: 0x8000_0000_0001), ExtentNode.Entry(logical: 9, physical: 5),
      ])
    #expect(ExtentNode(index.encoded(byteCount: 1024), depth: 2, range: all) == index)
  }

  @Test func `runs longer than an extent can be become several`() {
    let leaf = ExtentNode(runs: [
      Run(logical: 0, physical: 1000, count: 32769, state: .written),
      Run(logical: 50000, physical: 90000, count: 32768, state: .unwritten),
    ])
    #expect(leaf.entries.map(\.count) == [32768, 1, 32767, 1])
    #expect(leaf.entries.map(\.physical) == [1000, 33768, 90000, 122767])
  }

  @Test func `a node that its parent does not describe is refused`() {
    let bytes = ExtentNode(runs: [Run(logical: 10, physical: 100, count: 5, state: .written)])
      .encoded(byteCount: 1024)
    #expect(ExtentNode(bytes, depth: 0, range: 10..<15) != nil)
    #expect(ExtentNode(bytes, depth: 1, range: 10..<15) == nil)
    #expect(ExtentNode(bytes, depth: 0, range: 11..<15) == nil)
    #expect(ExtentNode(bytes, depth: 0, range: 10..<14) == nil)
    let empty = ExtentNode(depth: 0, entries: []).encoded(byteCount: 1024)
    #expect(ExtentNode(empty, depth: 0, range: all) == nil)
    #expect(ExtentNode(empty, depth: nil, range: all) != nil)
  }

  @Test(arguments: [
    (0, 0), (2, 85), (4, 85), (6, 6),
    // An extent without blocks, one that overlaps the one before, one before the other.
    (16, 0), (12, 11), (24, 0),
  ])
  func `bytes that contradict each other are refused`(offset: Int, value: UInt8) {
    var bytes = ExtentNode(runs: [
      Run(logical: 10, physical: 100, count: 5, state: .written),
      Run(logical: 15, physical: 200, count: 5, state: .written),
    ]).encoded(byteCount: 1024)
    #expect(ExtentNode(bytes, depth: nil, range: all) != nil)
    bytes[offset] = value
    #expect(ExtentNode(bytes, depth: nil, range: all) == nil)
  }

  @Test func `a node that is too long is split: full while it grows, else with room in each`() {
    let node = ExtentNode(
      depth: 0, entries: (0..<7).map { ExtentNode.Entry(logical: $0 * 10, physical: $0 + 1, count: 1) })
    #expect(node.split(capacity: 7, isGrowing: false) == [node])
    #expect(node.split(capacity: 6, isGrowing: true).map(\.entries.count) == [6, 1])
    #expect(node.split(capacity: 6, isGrowing: false).map(\.entries.count) == [4, 3])
    #expect(node.split(capacity: 2, isGrowing: false).flatMap(\.entries) == node.entries)
    #expect(ExtentNode(depth: 0, entries: []).split(capacity: 6, isGrowing: true).isEmpty)
  }
}
