import HostSystem
import Testing
import VextProtocol

@testable import Hypervisor

/// Limits of requests and bytes per second, with a time that the test chooses.
@Suite struct DiskThrottleTests {
  private static let start: UInt64 = 1_000_000_000_000

  /// Starts what the limits allow each `step` nanoseconds for `duration` nanoseconds; returns the requests and bytes.
  private func run(
    _ throttle: DiskThrottle, duration: UInt64, step: UInt64, from start: UInt64 = start,
    byteCount: Int = 4096,
    most: Int = 64
  ) -> (requests: Int, bytes: Int) {
    var total = 0
    var now = start
    while now < start + duration {
      let (requests, bytes) = throttle.allowance(at: now)
      if requests > 0, bytes > 0 {
        let count = min(requests, (bytes - 1) / byteCount + 1, most)
        throttle.charge(requests: count, bytes: count * byteCount, at: now)
        total += count
      }
      now += step
    }
    return (total, total * byteCount)
  }

  @Test(arguments: [1, 7, 1000, 250_000] as [UInt64], [0, 1, 100, 1000] as [UInt64])
  func `over any time no more requests start than the limit and the burst allow, and hardly fewer`(
    rate: UInt64, burst: UInt64
  ) throws {
    let throttle = try #require(
      DiskThrottle(requestsPerSecond: rate, bytesPerSecond: nil, burstMilliseconds: burst))
    let seconds: UInt64 = 10
    let count = UInt64(run(throttle, duration: seconds * 1_000_000_000, step: 100_000).requests)
    #expect(count <= rate * seconds + rate * burst / 1000 + 2)
    // Without a burst a step lets one start, and each waits for the step after its time.
    let reachable = burst == 0 ? 1_000_000_000 / (1_000_000_000 / rate + 100_000) : rate
    #expect(count * 100 >= reachable * seconds * 98)
  }

  @Test func `bytes are limited however large the requests are`() throws {
    for byteCount in [512, 4096, 1 << 20, 64 << 20] {
      let throttle = try #require(DiskThrottle(requestsPerSecond: nil, bytesPerSecond: 100 << 20))
      let (_, bytes) = run(throttle, duration: 20_000_000_000, step: 50_000, byteCount: byteCount, most: 1)
      let most = 20 * (100 << 20) + 10 << 20 + byteCount
      #expect(bytes <= most)
      #expect(bytes >= min(20 * (100 << 20), 400_000 * byteCount) * 98 / 100)
    }
  }

  @Test func `a request that is larger than the limit of a second is paid for later`() throws {
    let throttle = try #require(
      DiskThrottle(requestsPerSecond: nil, bytesPerSecond: 1000, burstMilliseconds: 0))
    #expect(throttle.allowance(at: Self.start).bytes == 1)
    throttle.charge(requests: 1, bytes: 10_000, at: Self.start)
    #expect(throttle.allowance(at: Self.start + 9_900_000_000).bytes == 0)
    #expect(throttle.allowance(at: Self.start + 10_100_000_000).bytes == 1)
    #expect(throttle.admission >= Self.start + 10_000_000_000)
  }

  @Test func `the largest values do not trap`() throws {
    for rate in [1, .max] as [UInt64] {
      let throttle = try #require(
        DiskThrottle(requestsPerSecond: rate, bytesPerSecond: rate, burstMilliseconds: .max))
      for now in [0, 1, .max / 2, .max] as [UInt64] {
        _ = throttle.allowance(at: now)
        throttle.charge(requests: .max, bytes: .max, at: now)
        throttle.charge(requests: -1, bytes: -1, at: now)
        _ = throttle.admission
      }
    }
    #expect(DiskThrottle(requestsPerSecond: nil, bytesPerSecond: nil) == nil)
    #expect(DiskThrottle(requestsPerSecond: 0, bytesPerSecond: 5) == nil)
  }

  @Test func `a limit holds over an I/O thread that sleeps, and beside a machine without one`() throws {
    let disk = VirtioTemporaryDisk(byteCount: VextFixture.diskByteCount)
    let thread = try IOThread(name: "throttled", cpus: nil, waiting: .adaptive, engine: .sync)
    defer { thread.stop() }
    let share = DiskShare(
      throttle: DiskThrottle(requestsPerSecond: 200, bytesPerSecond: nil, burstMilliseconds: 0))
    let image = try DiskImage(path: disk.path, readOnly: true, direct: false)
    let disks = [
      try #require(VextServiceDisk(name: "slow", image: image, ownerID: 0, share: share)),
      try #require(VextServiceDisk(name: "fast", image: image, ownerID: 0)),
    ]
    let service = try VextService(disks: disks, servers: [thread], engine: .sync)
    defer { service.stop() }
    let features: VextFeatures = [.doorbell, .interrupt]
    let slow = try ServedMachine(
      ServiceFixture.connect(to: service), disk: "slow", queueCount: 1, depth: 64, accepting: features)
    /// Sends 40 reads and waits for their answers; returns the time in nanoseconds.
    func burst(_ meanwhile: () throws -> Void) throws -> UInt64 {
      let before = HostClock.monotonicNanoseconds()
      for id in 0..<40 as Range<UInt16> { slow.driver.push(VextFixture.entry(.read, id: id)) }
      slow.driver.notify()
      try meanwhile()
      var answers = 0
      let areAll = try eventually {
        while let answer = try slow.driver.poll() {
          #expect(answer.status == 0)
          answers += 1
        }
        return answers == 40
      }
      #expect(areAll)
      return HostClock.monotonicNanoseconds() - before
    }
    let cpuTime = try thread.thread.cpuTimeNanoseconds()
    let time = try burst {}
    #expect(time >= 190_000_000)
    // It sleeps between the requests.
    #expect(try thread.thread.cpuTimeNanoseconds() - cpuTime < time / 2)
    let fast = try ServedMachine(
      ServiceFixture.connect(to: service), disk: "fast", queueCount: 1, depth: 64)
    var readWell = 0
    let second = try burst { for _ in 0..<20 where try fast.readsWell() { readWell += 1 } }
    #expect(readWell == 20)
    #expect(second >= 190_000_000)
  }
}
