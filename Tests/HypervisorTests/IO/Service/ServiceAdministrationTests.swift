import Glibc
import HostSystem
import SystemPackage
import Synchronization
import Testing
import VextProtocol

@testable import Hypervisor

extension VextServiceTests {
  /// What `vextd ctl` changes.
  @Suite struct AdministrationTests {
    @Test func `a drained disk takes no new client, and keeps those that it has`() throws {
      let fixture = try ServiceFixture()
      let machine = try fixture.machine("ro")
      try fixture.service.drain("ro")
      #expect(try machine.readsWell())
      #expect(throws: VextServiceError.self) { try fixture.machine("ro") }
      #expect(try fixture.machine("rw").readsWell())
      #expect(fixture.service.list().contains("clients: 1, drained"))
      #expect(throws: Errno.noSuchFileOrDirectory) { try fixture.service.drain("none") }
    }

    @Test func `a detached disk has answered its clients, is durable and closed; others are served on`()
      throws
    {
      let fixture = try ServiceFixture()
      let machine = try fixture.machine("rw")
      let neighbour = try fixture.machine("ro")
      try machine.memory.write([UInt8](repeating: 3, count: 512), at: GuestAddress(VextFixture.data))
      for id in 0..<8 as Range<UInt16> {
        machine.driver.push(VextFixture.entry(.write, id: id, offset: UInt64(id) * 512))
      }
      for _ in 0..<8 { #expect(try machine.driver.completion().status == 0) }
      try fixture.service.detach("rw")
      #expect(fixture.disk.read(0, 4096) == [UInt8](repeating: 3, count: 4096))
      #expect(fixture.service.disks.map(\.name) == ["ro"])
      // Nobody has it locked any more.
      _ = try DiskImage(path: fixture.disk.path, readOnly: false, direct: false)
      #expect(throws: VextServiceError.self) { try fixture.machine("rw") }
      try neighbour.memory.write([UInt8](repeating: 0, count: 512), at: GuestAddress(VextFixture.data))
      #expect(try neighbour.readsWell())
      #expect(throws: Errno.noSuchFileOrDirectory) { try fixture.service.detach("rw") }
      machine.device.shutDown()
    }

    @Test func `a new configuration adds disks and shares, and a wrong one changes nothing`() throws {
      let disk = VirtioTemporaryDisk(byteCount: VextFixture.diskByteCount)
      let thread = try IOThread(name: "reload", cpus: nil, waiting: .adaptive, engine: .sync)
      defer { thread.stop() }
      let plans = Mutex<[VextServiceDiskPlan]>([])
      let path = disk.path
      func plan(_ name: String, weight: Int = 100, path: String? = nil) throws -> VextServiceDiskPlan {
        let file = path ?? disk.path
        return try #require(
          VextServiceDiskPlan(name: name, ownerID: 0, groupID: nil, share: DiskShare(weight: weight)) {
            try DiskImage(path: file, readOnly: true, direct: false)
          })
      }
      let service = try VextService(
        disks: [try plan("a").disk()], servers: [thread], engine: .sync, reload: { plans.withLock { $0 } })
      defer { service.stop() }
      plans.withLock { $0 = [] }
      try plans.withLock { $0 = [try plan("a", weight: 7), try plan("b")] }
      #expect(try service.readConfiguration() == "disk a: kept\ndisk b: added\n")
      #expect(service.disks.map(\.share.weight) == [7, 100])
      try plans.withLock { $0 = [try plan("c"), try plan("d", path: path + ".missing")] }
      #expect(throws: Errno.invalidArgument) { try service.readConfiguration() }
      #expect(service.disks.map(\.name) == ["a", "b"])
      let fixed = try ServiceFixture()
      #expect(throws: Errno.notSupported) { try fixed.service.readConfiguration() }
    }

    @Test func `a snapshot reads as it was written, and garbage does not`() throws {
      let fixture = try ServiceFixture()
      let machine = try fixture.machine("ro", queueCount: 2)
      for _ in 0..<20 { #expect(try machine.readsWell()) }
      let snapshot = fixture.service.snapshot()
      #expect(snapshot.clients.count == 1 && snapshot.clients.first?.queueCount == 2)
      #expect(snapshot.clients.first?.statistics.latencies.total == 20)
      let copy = try #require(VextServiceSnapshot(text: snapshot.text))
      #expect(copy.text == snapshot.text)
      #expect(copy.clients.first?.statistics.latencies == snapshot.clients.first?.statistics.latencies)
      let text = snapshot.text
      for _ in 0..<text.utf8.count {
        let cut = String(text.dropLast(Int.random(in: 1...text.count)))
        _ = VextServiceSnapshot(text: cut)
      }
      for garbage in [
        "", "threads", "threads x", "threads 1\nclient", "threads 1\nclient 1 2 3 d 5 6 0 1:2", "client 1",
        "threads 1\nqueues", "threads 1\nqueues x 1", "threads 1\nqueues 1\nqueues 1",
      ] {
        #expect(VextServiceSnapshot(text: garbage) == nil)
      }
      let first = 8 + DiskStatistics.wordCount
      let words = ["client", "1", "2", "3", "d", "5", "6", "0"] + [String](repeating: "1", count: first - 8)
      for bucket in ["999999:1", "-1:1", "1", "1:x", "1:2:3"] {
        #expect(
          VextServiceSnapshot(text: "threads 1\n" + (words + ["1.0", bucket]).joined(separator: " ")) == nil)
      }
    }
  }
}
