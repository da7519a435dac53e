import Testing

@testable import Bench

struct OptionValueTests {
  @Test(
    "sizes are read as fio writes them",
    arguments: [
      ("0", 0), ("512", 512), ("512b", 512), ("4k", 4096), ("4K", 4096), ("4kb", 4096), ("4ki", 4096),
      ("4KiB", 4096), ("1m", 1 << 20), ("3g", 3 << 30), ("2t", 2 << 40), ("1p", 1 << 50),
      ("9223372036854775807", UInt64(Int64.max)),
    ] as [(String, UInt64)])
  func sizes(text: String, byteCount: UInt64) {
    #expect(ByteSize(text)?.byteCount == byteCount)
  }

  @Test(
    "text that is not a size is refused",
    arguments: [
      "", "k", "-1", "+1", "1.5k", "4x", "4kk", "4kbb", "4bi", "4 k", " 4", "4k ", "0x10", "1e3", "٤",
      "9223372036854775808", "8192p", "99999999999999999999", "16777216t",
    ])
  func badSizes(text: String) {
    #expect(ByteSize(text) == nil)
  }

  @Test(
    "a size is written in the shortest way, and read back the same",
    arguments: [
      (0, "0"), (1, "1"), (1536, "1536"), (4096, "4k"), (1 << 20, "1m"), (1 << 30, "1g"), (3 << 40, "3t"),
    ]
      as [(UInt64, String)])
  func sizeDescriptions(byteCount: UInt64, text: String) {
    #expect(ByteSize(byteCount: byteCount).description == text)
    #expect(ByteSize(text)?.byteCount == byteCount)
  }

  @Test(
    "times are read with a unit, or as seconds without",
    arguments: [
      ("5s", 5_000_000_000), ("5", 5_000_000_000), ("1.5", 1_500_000_000), ("500ms", 500_000_000),
      ("250us", 250_000), ("2m", 120_000_000_000), ("1h", 3_600_000_000_000), ("0.25S", 250_000_000),
      ("0", 0),
      ("24h", 86_400_000_000_000),
    ] as [(String, UInt64)])
  func times(text: String, nanoseconds: UInt64) {
    #expect(TimeSpan(text)?.nanoseconds == nanoseconds)
  }

  @Test(
    "text that is not a time is refused",
    arguments: [
      "", "s", "-1", "+1s", ".5", "5.", "1.2.3", "5x", "5ss", "5 s", "nan", "inf", "1e3", "25h", "1e400s",
    ])
  func badTimes(text: String) {
    #expect(TimeSpan(text) == nil)
  }

  @Test(
    "a time is written in the largest unit without a fraction",
    arguments: [(3_000_000_000, "3s"), (500_000_000, "500ms"), (250_000, "250.0us")] as [(UInt64, String)])
  func timeDescriptions(nanoseconds: UInt64, text: String) {
    #expect(TimeSpan(nanoseconds: nanoseconds).description == text)
    #expect(TimeSpan(text)?.nanoseconds == nanoseconds)
  }

  @Test(
    "CPU lists keep their order",
    arguments: [("0", [0]), ("3,1", [3, 1]), ("0-3", [0, 1, 2, 3]), ("8,0-1", [8, 0, 1]), ("5-5", [5])])
  func cpuLists(text: String, cpus: [Int]) {
    #expect(CPUList(text)?.cpus == cpus)
  }

  @Test(
    "text that is not a CPU list is refused",
    arguments: [
      "", ",", "1,", "-1", "1-", "3-1", "1-2-3", "a", "1,1", "0-2,2", "8192", "0-99999999999", " 1",
    ])
  func badCPULists(text: String) {
    #expect(CPUList(text) == nil)
  }

  @Test("patterns know whether they read and write")
  func patterns() {
    #expect(RWKind.allCases.filter(\.isRandom) == [.randread, .randwrite, .randrw])
    #expect(RWKind.allCases.map(\.readPercent) == [100, 0, 100, 0, 50])
    #expect(RWKind.allCases.filter(\.writes) == [.write, .randwrite, .randrw])
  }
}
