import Foundation
import Testing
import VextProtocol

@testable import Hypervisor

extension DebianGuestTests {
  /// The guest kernel's block driver for the vext queue on a host that breaks the protocol.
  struct HostileHostTests {
    /// A vext function of the protocol's next version.
    private final class NewerFunction: PCIFunction {
      let configuration = PCIConfigurationSpace(
        identity: PCIIdentity(
          vendor: VextPCIIdentity.vendor, device: VextPCIIdentity.device,
          classCode: VextPCIIdentity.classCode),
        bars: [0: UInt32(VextRegister.barByteCount)])
      let notifications: [PCINotification] = []

      func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 {
        switch offset {
        case VextRegister.magic: UInt64(VextRegister.magicValue)
        case VextRegister.version: UInt64(VextRegister.versionValue) + 1
        default: 0
        }
      }

      func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {}
    }

    /// Writes a completion into queue 0 of `device`, behind the answer to the guest's next request.
    ///
    /// - Parameter laps: how far its lap is from the one that the driver expects there.
    private static func forgeCompletion(
      of device: VextDevice, id: UInt16, laps: UInt32, in memory: GuestMemory
    ) throws {
      let ring = device.readBAR(0, offset: VextRegister.queue(0, .completionRing), byteCount: 8)
      let depth = device.readBAR(0, offset: VextRegister.queue(0, .depth), byteCount: 4)
      func announcement(_ slot: UInt64) -> GuestAddress { GuestAddress(ring + slot * 16 + 8) }
      func lap(_ slot: UInt64) throws -> UInt32 {
        UInt32(try memory.load(UInt64.self, at: announcement(slot)) >> 32)
      }
      let firstLap = try lap(0)
      let next = try (0..<depth).first { try lap($0) != firstLap } ?? 0
      let slot = (next + 1) % depth
      let forged = UInt64(try lap(slot) &+ 1 &+ laps) << 32 | UInt64(id) << 16
      try memory.store(forged, at: announcement(slot))
    }

    /// One guest in which everything happens, since a boot takes long.
    private struct Session {
      let console: String

      init() throws {
        let folder = try TemporaryFolder()
        let images = try (0..<4).map { try folder.image("disk\($0)", mebibytes: 16) }
        let script = """
          driver=/host\(try VirtualHost.blockDriver)
          devices() { ls /dev | grep -c '^vext[0-9]*$'; }
          given_up() { dmesg | grep -c 'given up'; }
          one_read() { dd if=/dev/vext$1 of=/dev/null bs=4k count=1 iflag=direct 2> /dev/null; }
          insmod "$driver" queue_depth=16; say loaded "$?"
          say devices "$(devices)"
          say newer "$(dmesg | grep -c 'version 2 of the protocol; this driver knows 1 only')"
          say writing yes
          fio --name=reset --filename=/dev/vext0 --rw=randwrite --bs=4k --size=4m --direct=1 --ioengine=libaio \\
            --iodepth=8 --verify=crc32c --verify_fatal=1 > /tmp/out 2>&1; say reset-verified "$?"
          say resets "$(dmesg | grep -c 'reset by the host: requests are submitted again')"
          for disk in 1 2 3; do
            say before-$disk "$(given_up)"
            read answer
            one_read $disk
            sleep 1
            one_read $disk; say read-$disk "$?"
            say given-up-$disk "$(given_up)"
          done
          dmesg | grep 'given up' > /tmp/out; say reasons "$(cat /tmp/out)"
          one_read 0; say other-disk "$?"
          rmmod vext; say removed "$?"
          insmod "$driver"; say again "$(devices)"
          one_read 1; say recovered "$?"
          say warnings "$(dmesg | grep -A 4 -E 'BUG:|cut here|Oops|blocked for more')"
          say end yes
          sleep 60
          """
        let guest = try InProcessGuest(
          "hostile", images: images, folder: folder, functions: [NewerFunction()], script: script)
        let devices = guest.guest.devices.vextDevices
        try guest.wait(for: "@writing=yes@", within: GuestReport.limit)
        for _ in 0..<2 {
          Thread.sleep(forTimeInterval: 1)
          devices[0].writeBAR(0, offset: VextRegister.reset, byteCount: 4, value: 1)
        }
        for (disk, forged) in [(1, (id: 3, laps: 0)), (2, (id: 0xFFFF, laps: 0)), (3, (id: 0, laps: 7))] {
          try guest.wait(for: "@before-\(disk)=", within: GuestReport.limit)
          // The script reads a line next; nothing is in flight on this disk.
          try Self.forge(forged.id, forged.laps, devices[disk], guest)
          try guest.typeLine()
        }
        try guest.wait(for: "@end=yes@", within: GuestReport.limit)
        console = guest.console
        guest.kill()
      }

      private static func forge(_ id: Int, _ laps: Int, _ device: VextDevice, _ guest: InProcessGuest) throws
      {
        try HostileHostTests.forgeCompletion(
          of: device, id: UInt16(id), laps: UInt32(laps), in: guest.guest.machine.memory)
      }

      /// What the script said of `name`.
      func value(_ name: String) throws -> String {
        try GuestReport(console: console).value(name)
      }
    }
    private static let session = Result { try Session() }

    @Test func `a device of another version is refused by its number`() throws {
      let session = try Self.session.get()
      #expect(try session.value("loaded") == "0")
      #expect(try session.value("devices") == "4")
      #expect(try session.value("newer") == "1")
    }

    @Test func `a reset by the host under load loses no request`() throws {
      let session = try Self.session.get()
      #expect(try session.value("reset-verified") == "0")
      #expect(try ["1", "2"].contains(session.value("resets")))
      #expect(try session.value("other-disk") == "0")
    }

    @Test func `a forged completion fails its device with one message, and the guest lives`() throws {
      let session = try Self.session.get()
      for disk in 1...3 {
        #expect(try session.value("before-\(disk)") == "\(disk - 1)")
        #expect(try session.value("read-\(disk)") != "0")
        #expect(try session.value("given-up-\(disk)") == "\(disk)")
      }
      let reasons = try session.value("reasons")
      for reason in ["an answer to no request, id 3:", "id 65535:", "a completion of a wrong lap in slot"] {
        #expect(reasons.contains(reason), "\(reasons)")
      }
    }

    @Test func `a device that was given up works again once the driver is loaded again`() throws {
      let session = try Self.session.get()
      #expect(try session.value("removed") == "0")
      #expect(try session.value("again") == "4")
      #expect(try session.value("recovered") == "0")
      #expect(try session.value("warnings") == "")
    }
  }
}
