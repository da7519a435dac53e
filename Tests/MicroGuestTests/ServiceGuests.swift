import HostSystem
import Hypervisor
import MicroGuest
import Testing

@testable import Bench

/// Micro guests of this process whose disks other processes serve.
final class ServiceGuests {
  let guests: [BenchGuest]

  /// Boots as many guests as `run` says, each with a disk of vextd's.
  ///
  /// - Parameter successorTimeoutSeconds: how long a guest waits for a successor of its vextd, in seconds.
  convenience init(
    run: GuestRun, mode: DataPathMode = .vext, socket: String, disks: [String],
    successorTimeoutSeconds: UInt64 = 0
  ) throws {
    try self.init(
      run: run, mode: mode,
      disks: disks.map {
        .service(path: socket, name: $0, successorTimeoutNanoseconds: successorTimeoutSeconds * 1_000_000_000)
      })
  }

  /// Boots as many guests as `run` says, each with its own of `disks`.
  init(run: GuestRun, mode: DataPathMode, disks: [MicroDisk]) throws {
    let configuration = run.configuration
    let request = PlacementRequest(
      guests: configuration.guestCount, vcpusPerGuest: configuration.workerCount, ioThreads: 1,
      storageNode: nil, ioThreadCPUs: nil, vcpuCPUs: configuration.vcpuCPUs, numaNode: nil)
    let placement = try PlacementPlanner.plan(request, on: NUMATopology.read())
    let system = try KVMSystem()
    var guests: [BenchGuest] = []
    for index in 0..<configuration.guestCount {
      guests.append(
        try BenchGuest(
          index: index, configuration: configuration, mode: mode, seed: 7, placement: placement,
          disk: disks[index], system: system))
    }
    self.guests = guests
    for guest in guests { try guest.machine.start() }
  }

  /// Waits until `guest` has reached `state`, for a minute at most.
  func wait(for guest: BenchGuest, _ state: WorkerState) throws {
    let end = HostClock.monotonicNanoseconds() + 60_000_000_000
    while !(try guest.hasReached(state)) {
      guard HostClock.monotonicNanoseconds() < end else {
        throw BootedGuests.Timeout(guest: guest.index, state: state)
      }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
  }

  /// Takes guests through their windows to their ends.
  func finish(_ guests: [BenchGuest]) throws {
    for guest in guests { try wait(for: guest, .ready) }
    for guest in guests { try guest.command(.measure) }
    for guest in guests { try wait(for: guest, .measured) }
    for guest in guests { try guest.command(.finish) }
    for guest in guests { try wait(for: guest, .finished) }
  }

  /// Expects that each worker of `guest` made `requestCount` requests, if that is given, and met neither errors nor wrong data.
  static func expectVerified(
    _ guest: BenchGuest, requestCount: UInt64? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for worker in guest.workers {
      if let requestCount {
        #expect(try worker.word(WorkerWord.requests) == requestCount, sourceLocation: sourceLocation)
      }
      #expect(try worker.word(WorkerWord.errors) == 0, sourceLocation: sourceLocation)
      #expect(try worker.word(WorkerWord.verifyErrors) == 0, sourceLocation: sourceLocation)
    }
  }

  func shutDown() { for guest in guests { guest.shutDown() } }
}
