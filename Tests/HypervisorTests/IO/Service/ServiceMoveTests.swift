import HostSystem
import Synchronization
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

extension VextServiceTests {
  /// Queues of the service's clients that move between its I/O threads.
  @Suite struct MoveTests {
    /// Moves the queues of all clients to and fro, on a thread of its own.
    private final class Mover {
      private final class Flag: Sendable {
        let isSet = Atomic<Bool>(false)
      }

      private let flag: Flag
      private let thread: HostThread

      init(_ service: VextService, queueCount: Int) throws {
        let flag = Flag()
        self.flag = flag
        thread = try HostThread(name: "service-mover", cpus: nil) {
          var place = 0
          while !flag.isSet.load(ordering: .acquiring) {
            place = 1 - place
            for client in service.snapshot().clients {
              for queue in 0..<queueCount { service.move(queue: queue, ofClient: client.number, to: place) }
            }
            HostClock.sleep(nanoseconds: 50_000)
          }
        }
      }

      func stop() {
        flag.isSet.store(true, ordering: .releasing)
        thread.join()
      }
    }

    @Test func `a guest reads and writes while its queues move, and the service counts the moves`() throws {
      let fixture = try ServiceFixture(engine: .libaio, threadCount: 2)
      let machine = try fixture.machine("rw", queueCount: 4)
      for round in 0..<100 {
        for (index, driver) in machine.drivers.enumerated() {
          #expect(fixture.service.move(queue: index, ofClient: 1, to: (round + index) % 2))
          #expect(try machine.readsWell(driver))
        }
      }
      let snapshot = fixture.service.snapshot()
      let placement = try #require(snapshot.placement)
      #expect(placement.queueCounts == [2, 2])
      #expect(placement.moveCount > 300)
      #expect(VextServiceSnapshot(text: snapshot.text)?.placement == placement)
      #expect(snapshot.threadNanoseconds.count == 2)
      #expect(
        fixture.service.metrics().contains(
          "\nmoves \(placement.moveCount)\nthread0_queues 2\nthread1_queues 2\n"))
      #expect(machine.device.statistics.reads == 400)
      #expect(machine.device.statistics.inFlight == 0)
    }

    @Test func `clients enable, disable and leave while their queues move`() throws {
      let fixture = try ServiceFixture(engine: .libaio, threadCount: 2)
      let mover = try Mover(fixture.service, queueCount: 2)
      defer { mover.stop() }
      let neighbour = try fixture.machine("ro", queueCount: 2)
      for round in 0..<30 {
        #expect(fixture.waitForClients(1))
        let machine = try fixture.machine("rw", queueCount: 2)
        for driver in machine.drivers {
          for id in 0..<16 as Range<UInt16> { driver.push(VextFixture.entry(.read, id: id, byteCount: 4096)) }
        }
        switch round % 3 {
        case 0: try machine.client.close()
        case 1:
          for driver in machine.drivers { driver.disable() }
          try machine.driver.enable()
          #expect(try machine.readsWell())
        default: break
        }
        for driver in neighbour.drivers { #expect(try neighbour.readsWell(driver)) }
      }
      #expect(fixture.waitForClients(1))
    }

    @Test func `a disk is detached while the queues of its client move`() throws {
      let fixture = try ServiceFixture(threadCount: 2)
      let machine = try fixture.machine("rw", queueCount: 2)
      let neighbour = try fixture.machine("ro", queueCount: 2)
      let mover = try Mover(fixture.service, queueCount: 2)
      defer { mover.stop() }
      for _ in 0..<20 { #expect(try machine.readsWell()) }
      try fixture.service.detach("rw")
      #expect(fixture.service.disks.map(\.name) == ["ro"])
      for driver in neighbour.drivers { #expect(try neighbour.readsWell(driver)) }
    }

    @Test func `a stopped queue moves, and so does one whose disk's limits hold it back`() throws {
      let throttle = try #require(
        DiskThrottle(requestsPerSecond: 20, bytesPerSecond: nil, burstMilliseconds: 100))
      let fixture = try ServiceFixture(threadCount: 2, share: DiskShare(throttle: throttle))
      let machine = try fixture.machine("rw", queueCount: 2)
      machine.driver.push(VextSubmissionEntry(operation: 99, id: 0))
      for id in 0..<8 as Range<UInt16> { machine.drivers[1].push(VextFixture.entry(.read, id: id)) }
      #expect(machine.driver.waitUntilStopped())
      var (answered, failed) = (0, 0)
      let isAnswered = try eventually {
        for queue in 0..<2 { fixture.service.move(queue: queue, ofClient: 1, to: answered % 2) }
        while let answer = try machine.drivers[1].poll() {
          answered += 1
          if answer.status != 0 { failed += 1 }
        }
        return answered == 8
      }
      #expect(isAnswered && failed == 0)
      #expect(machine.driver.error == .badOperation)
      try machine.driver.restart()
      #expect(machine.driver.state == .enabled)
    }

    @Test func `queues of a service with one thread stay where they are`() throws {
      let fixture = try ServiceFixture()
      let machine = try fixture.machine()
      #expect(fixture.service.move(queue: 0, ofClient: 1, to: 0))
      #expect(!fixture.service.move(queue: 0, ofClient: 1, to: 1))
      #expect(!fixture.service.move(queue: 0, ofClient: 1, to: -1))
      #expect(!fixture.service.move(queue: 1, ofClient: 1, to: 0))
      #expect(!fixture.service.move(queue: 0, ofClient: 2, to: 0))
      #expect(try machine.readsWell())
      #expect(fixture.service.snapshot().placement?.moveCount == 0)
    }
  }
}
