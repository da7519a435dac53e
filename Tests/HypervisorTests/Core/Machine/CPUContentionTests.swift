import HostSystem
import Synchronization
import TestSupport
import Testing
import VextProtocol

@testable import Hypervisor

/// Threads that wait for one another's CPU, and what a vext device makes of it (docs/vext-protocol.md §8.2).
@Suite struct CPUContentionTests {
  /// Two threads on one CPU that spin until they are ended.
  final class Rivals: Sendable {
    private let isEnded = Atomic<Bool>(false)
    private let threads = Mutex<[HostThread]>([])

    /// Starts them, and lets `contention` watch them.
    init(watchedBy contention: CPUContention) throws {
      let cpu = CPUSet([try #require(try HostThread.currentCPUs().sorted.first)])
      for index in 0..<2 {
        let thread = try HostThread(name: "rival\(index)", cpus: cpu, kind: .io) { [self] in
          while !isEnded.load(ordering: .relaxed) { SpinHint.pause() }
          // Lives on without a wish for the CPU.
          HostClock.sleep(nanoseconds: 500_000_000)
        }
        threads.withLock { $0.append(thread) }
        contention.watch(thread)
      }
    }

    func rest() { isEnded.store(true, ordering: .relaxed) }

    func join() {
      rest()
      for thread in threads.withLock({ $0 }) { thread.join() }
    }
  }

  private static var canMeasure: Bool { RunDelayMeter.ofCurrentThread() != nil }

  private static func isShared(_ contention: CPUContention) -> Bool {
    contention.isShared(at: HostClock.monotonicNanoseconds())
  }

  @Test(.enabled(if: canMeasure, "the kernel keeps no account of waits for a CPU"))
  func `threads that wait for one another's CPU share it until they rest`() throws {
    let contention = CPUContention()
    #expect(!Self.isShared(contention))
    let rivals = try Rivals(watchedBy: contention)
    defer { rivals.join() }
    let wasShared = eventually { Self.isShared(contention) }
    #expect(wasShared)
    rivals.rest()
    let isFree = eventually { !Self.isShared(contention) }
    #expect(isFree)
  }

  @Test(.enabled(if: canMeasure, "the kernel keeps no account of waits for a CPU"))
  func `a device publishes that its machine's CPUs are shared, and that they are no longer`() throws {
    let contention = CPUContention()
    let thread = try IOThread(name: "contended", cpus: nil, waiting: .adaptive, engine: .sync)
    defer { thread.stop() }
    let fixture = try VextFixture(
      server: thread, accepting: [.doorbell, .interrupt, .contention], contention: contention)
    let driver = fixture.driver
    func serves() throws {
      driver.push(VextFixture.entry(.read))
      driver.notify()
      #expect(try driver.completion().status == 0)
    }
    try serves()
    #expect(try driver.contentionWord() == 0)
    let rivals = try Rivals(watchedBy: contention)
    defer { rivals.join() }
    let wasShared = try eventually {
      try serves()
      return try driver.contentionWord() == 1
    }
    #expect(wasShared)
    // Garbage of the guest's own makes no difference to the device.
    try driver.setDriverWord(7)
    driver.write(.yield, .max)
    try serves()
    rivals.rest()
    let isFree = try eventually {
      try serves()
      return try driver.contentionWord() == 0
    }
    #expect(isFree)
  }

  @Test func `a device offers CONTENTION where it knows of the machine's CPUs, and has no word for others`()
    throws
  {
    let server = try SteppedQueueServer(engine: .sync, polling: true, capacity: 16)
    let knowing = try VextFixture(
      server: server, accepting: [.doorbell, .interrupt], contention: CPUContention())
    #expect(knowing.device.readBAR(0, offset: VextRegister.deviceFeatures, byteCount: 8) == 7)
    #expect(knowing.device.readBAR(0, offset: VextRegister.driverFeatures, byteCount: 8) == 3)
    // The register only costs its writer an exit.
    knowing.driver.write(.yield, 1)
    #expect(knowing.driver.read(.yield) == 0)
    let other = try VextFixture(server: server, accepting: [.doorbell, .interrupt, .contention])
    #expect(other.device.readBAR(0, offset: VextRegister.deviceFeatures, byteCount: 8) == 3)
    #expect(other.device.readBAR(0, offset: VextRegister.driverFeatures, byteCount: 8) == 3)
    other.driver.write(.yield, 1)
    #expect(other.driver.state == .enabled)
  }
}
