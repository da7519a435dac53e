import Hypervisor
import Testing

@testable import Bench

/// How a window is cut out of what the host sampled, by the guest's marks.
struct LinuxWindowTests {
  private static func sample(at milliseconds: UInt64) -> UsageSample {
    UsageSample(
      nanoseconds: milliseconds * 1_000_000, exits: [ExitCounts(total: milliseconds * 3, irq: milliseconds)],
      vcpuNanoseconds: [milliseconds * 1_000_000], ioThreadNanoseconds: milliseconds * 500_000)
  }

  private static func timeline(_ count: UInt64, capacity: Int = 8192) -> UsageTimeline {
    var timeline = UsageTimeline(capacity: capacity)
    for index in 0..<count { timeline.append(sample(at: index * 20)) }
    return timeline
  }

  @Test func `the window goes from the first to the last sample within`() throws {
    let (first, last) = try #require(Self.timeline(100).cut(105_000_000...995_000_000))
    #expect(first.nanoseconds == 120_000_000)
    #expect(last.nanoseconds == 980_000_000)
    #expect(last.exits[0] - first.exits[0] == ExitCounts(total: 2580, irq: 860))
  }

  @Test func `of samples with causes the window takes the first and the last, if there are two`() throws {
    var timeline = UsageTimeline()
    for index in 0..<100 as Range<UInt64> {
      var sample = Self.sample(at: index * 20)
      if index % 5 == 0 { sample.causes = [ExitCounterValues()] }
      timeline.append(sample)
    }
    let (first, last) = try #require(timeline.cut(105_000_000...995_000_000))
    #expect(first.nanoseconds == 200_000_000)
    #expect(last.nanoseconds == 900_000_000)
    #expect(try #require(timeline.cut(105_000_000...190_000_000)).first.nanoseconds == 120_000_000)
  }

  @Test func `a long run keeps samples with causes`() {
    var timeline = UsageTimeline(capacity: 64)
    for index in 1..<1000 as Range<UInt64> {
      var sample = Self.sample(at: index * 20)
      if index % 5 == 0 { sample.causes = [ExitCounterValues()] }
      timeline.append(sample)
    }
    #expect(timeline.samples.count { $0.causes != nil } >= 5)
  }

  @Test func `less than two samples make no window`() {
    #expect(Self.timeline(100).cut(105_000_000...119_000_000) == nil)
    #expect(Self.timeline(100).cut(105_000_000...125_000_000) == nil)
    #expect(Self.timeline(100).cut(9_000_000_000...10_000_000_000) == nil)
    #expect(UsageTimeline().cut(0...UInt64.max) == nil)
  }

  @Test func `rates are exits by the time between the samples`() throws {
    let rates = try #require(Self.timeline(100).exitRates(guest: 0, within: 0...1_000_000_000))
    #expect(abs(rates.vmexitsPerSecond - 3000) < 1e-9)
    #expect(abs(rates.ioVMExitsPerSecond - 2000) < 1e-9)
    #expect(rates.seconds == 1)
  }

  @Test func `a long run takes no more memory: its samples get coarser`() throws {
    let timeline = Self.timeline(10_000, capacity: 64)
    #expect(timeline.samples.count <= 64)
    #expect(timeline.samples.map(\.nanoseconds) == timeline.samples.map(\.nanoseconds).sorted())
    let (first, last) = try #require(timeline.cut(0...UInt64.max))
    #expect(first.nanoseconds == 0)
    #expect(last.nanoseconds > 190_000_000_000)
  }

  @Test func `the tightest bounds of the probes give the difference of the clocks`() throws {
    // The host's clock is 5 s ahead; its file times are up to 10 ms old.
    let second: UInt64 = 1_000_000_000
    let alignment = try #require(
      ClockAlignment([
        .init(before: 100 * second, after: 100 * second + 40_000_000, host: 105 * second + 15_000_000),
        .init(before: 101 * second, after: 101 * second + 2_000_000, host: 106 * second - 3_000_000),
      ]))
    #expect(alignment.uncertainty <= 6_000_000)
    let difference = abs(alignment.offset - 5 * Int64(second))
    #expect(difference <= Int64(alignment.uncertainty))
    let host = alignment.hostNanoseconds(200 * second)
    #expect(host > 204 * second && host < 206 * second)
    #expect(ClockAlignment([]) == nil)
    #expect(ClockAlignment([.init(before: 2, after: 1, host: 1)]) == nil)
  }

  @Test func `clocks that drift make the bounds cross, and the doubt as large as that`() throws {
    let alignment = try #require(
      ClockAlignment([
        .init(before: 0, after: 1000, host: 0), .init(before: 0, after: 1000, host: 100_000_000),
      ]))
    #expect(alignment.uncertainty > 40_000_000)
  }

  @Test func `what is in doubt is cut off at both ends, a quarter at most`() throws {
    let alignment = try #require(ClockAlignment([.init(before: 0, after: 0, host: 0)]))
    #expect(alignment.uncertainty == 5_000_000)
    let window = try #require(alignment.inner(0...1_000_000_000, margin: 20_000_000))
    #expect(window == 30_000_000...980_000_000)
    let short = try #require(alignment.inner(0...40_000_000, margin: 20_000_000))
    #expect(short.upperBound - short.lowerBound == 20_000_000)
    #expect(alignment.inner(5...5, margin: 0) == nil)
    #expect(alignment.inner(UInt64.max - 1...UInt64.max, margin: 1) == nil)
  }

  @Test func `marks are read, and other lines are skipped`() {
    let marks = GuestMarks(
      """
      kernel 6.1.0-56-amd64
      clock before 0 1000 2000
      clock before 1 x 2000
      clock elsewhere 0 1 2
      clock after.1 0 3 4
      clock after.x 0 3 4
      fio 0 0
      fio 1 7
      fio 2 x
      idle 5 7
      idle
      computing 9 8
      nonsense
      clock after.0 3 18446744073709551615 1
      exit 0
      """)
    #expect(marks.kernel == "6.1.0-56-amd64")
    #expect(
      marks.clocks == [
        .before: [.init(number: 0, before: 1_000_000, after: 2_000_000)],
        .after(1): [.init(number: 0, before: 3000, after: 4000)],
      ])
    #expect(marks.fioCodes == [0: 0, 1: 7])
    // The last word counts.
    #expect(marks.idle == nil)
    #expect(marks.computing == nil)
    #expect(marks.exitCode == 0)
    #expect(GuestMarks("").exitCode == nil)
    #expect(GuestMarks("idle 5 7").idle == 5000...7000)
  }

  @Test func `the end of a console is shown without what a terminal would act upon`() {
    let text = (1...30).map { "line \($0)\u{1B}[31m\r\n" }.joined() + "\n\u{7}\n"
    let lines = ConsoleTail.lines(text)
    #expect(lines.count == 20)
    #expect(lines.last == "line 30[31m")
  }
}
