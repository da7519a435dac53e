import Foundation
import Hypervisor
import Testing

@testable import Bench

/// T2: vmexits of real guests by cause. The suite says why it is skipped where the host does not allow it.
@Suite(
  .serialized, .enabled(if: hasKVM, "/dev/kvm cannot be opened"),
  .enabled(if: obstacle == nil, "\(obstacle.map { "\($0)" } ?? "")"))
struct ExitCauseTests {
  private static func measure(_ mode: DataPathMode) throws -> CellMeasurement {
    let run = try GuestRun(
      "--rw randread --engine null --iodepth 1 --requests 20000 --warmup 20ms --exits trace")
    return try #require(try run.measure(mode).first)
  }

  @Test("virtio-blk notifies the device for nearly every request, and the causes add up to KVM's statistics")
  func virtioBlock() throws {
    let result = try Self.measure(.virtioBlock)
    let causes = try #require(result.causes)
    let notifications = try #require(causes.counts[.notify])
    #expect(Double(notifications) >= 0.5 * Double(result.requests))
    #expect(Double(notifications) <= 1.01 * Double(result.requests))
    #expect(try #require(causes.counts[.eoi]) > 0)
    let sum = Double(causes.counts.values.reduce(0, +))
    #expect(abs(sum - Double(result.exits.total)) <= 0.01 * Double(result.exits.total))
    #expect(result.causesNote == nil)
  }

  @Test("the shared queue notifies nobody, and its guest takes no interrupt")
  func vext() throws {
    let result = try Self.measure(.vext)
    let causes = try #require(result.causes)
    #expect(causes.counts[.notify] == 0)
    #expect(causes.counts[.eoi] == 0)
    #expect(causes.counts[.halt] == 0)
    #expect(causes.counts[.portIO] == 0)
  }

  @Test("a run that counts by statistics has no causes, and says nothing of them")
  func statistics() throws {
    let run = try GuestRun("--engine null --requests 100 --warmup 0 --exits stats")
    let result = try #require(try run.measure(.vext).first)
    #expect(result.causes == nil)
    #expect(result.causesNote == nil)
  }
}

/// Why this host does not allow vmexits to be counted by cause; nil if it does.
private let obstacle: ExitTracingObstacle? = {
  do throws(ExitTracingObstacle) {
    _ = try ExitTracing()
    return nil
  } catch {
    return error
  }
}()
