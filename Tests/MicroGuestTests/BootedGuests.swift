import Foundation
import HostSystem
import Hypervisor
import MicroGuest

@testable import Bench

/// Guests on one I/O thread that a test steps through the phases by hand.
final class BootedGuests {
  let guests: [BenchGuest]
  let ioThreads: IOThreadGroup

  /// Boots as many guests as `run` says, on its number of I/O threads; guest 0 misbehaves as told.
  init(run: GuestRun, mode: DataPathMode, misbehaviour: Misbehaviour = .none) throws {
    let configuration = run.configuration
    let request = PlacementRequest(
      guests: configuration.guestCount, vcpusPerGuest: configuration.workerCount,
      ioThreads: configuration.ioThreadCount,
      storageNode: nil,
      ioThreadCPUs: nil, vcpuCPUs: configuration.vcpuCPUs, numaNode: nil)
    let placement = try PlacementPlanner.plan(request, on: NUMATopology.read())
    let threads = try placement.ioThreadCPUs.enumerated().map { index, cpu in
      try IOThread(
        name: "io\(index)", cpus: CPUSet([cpu]), waiting: mode.waiting,
        engine: mode.engine(configuration.engine))
    }
    let ioThreads = try IOThreadGroup(threads, rebalances: false)
    let disk = try DiskImage(path: run.disk.path, readOnly: false, direct: false)
    let system = try KVMSystem()
    var guests: [BenchGuest] = []
    for index in 0..<configuration.guestCount {
      guests.append(
        try BenchGuest(
          index: index, configuration: configuration, mode: mode, seed: 7, placement: placement,
          disk: .opened(disk, ioThreads: ioThreads), system: system,
          misbehaviour: index == 0 ? misbehaviour : .none))
    }
    self.guests = guests
    self.ioThreads = ioThreads
    for guest in guests { try guest.machine.start() }
  }

  /// Waits until `guest` has reached `state`.
  ///
  /// - Throws: what ``BenchGuest/hasReached(_:)`` throws, or ``Timeout`` after a minute.
  func wait(for guest: BenchGuest, _ state: WorkerState) throws {
    let end = HostClock.monotonicNanoseconds() + 60_000_000_000
    while !(try guest.hasReached(state)) {
      guard HostClock.monotonicNanoseconds() < end else { throw Timeout(guest: guest.index, state: state) }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
  }

  /// Takes `guest` through its window to its end.
  func finish(_ guest: BenchGuest) throws {
    try finish([guest])
  }

  private func finish(_ guests: [BenchGuest]) throws {
    for guest in guests { try wait(for: guest, .ready) }
    for guest in guests { try guest.command(.measure) }
    for guest in guests { try wait(for: guest, .measured) }
    for guest in guests { try guest.command(.finish) }
    for guest in guests { try wait(for: guest, .finished) }
  }

  /// Takes every guest through its window to its end.
  func runToTheEnd() throws {
    try finish(guests)
  }

  /// Ends all guests and the I/O thread.
  func shutDown() {
    for guest in guests { guest.shutDown() }
    for thread in ioThreads.threads { thread.stop() }
  }

  /// A guest that did not get where it should.
  struct Timeout: Error {
    let guest: Int
    let state: WorkerState
  }
}

/// This process's own memory.
enum ResidentMemory {
  /// Resident bytes (second field of /proc/self/statm).
  static func byteCount() throws -> Int {
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    return (Int(fields[1]) ?? 0) * 4096
  }
}
