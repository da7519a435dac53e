import Display
import HostSystem
import Hypervisor
import TestSupport
import Testing

extension TinyGuests {
  /// Pixels that a guest writes.
  @Suite struct FrameBufferTests {
    @Test func `a guest's pixel is seen by a VNC client, and costs no exit`() throws {
      let mode = try #require(VideoMode(width: 320, height: 200))
      // Two pixels in the last row but one, the second of whose bytes the guest writes last.
      let offset = UInt64((198 * 320 + 100) * 4)
      let guest = try TinyGuest(GuestCode.accessMemory, argument: BootLayout.frameBuffer + offset)
      let frameBuffer = try FrameBuffer(mode, machine: guest.machine)
      let keyboard = KeyboardController(end: guest.machine.endLatch, hasMouse: true) { gsi in
        KVMInterruptLine(vm: guest.machine.vm, gsi: gsi)
      }
      var configuration = VNCConfiguration()
      configuration.port = 0
      let server = try VNCServer(configuration, mode: mode, name: "tiny")
      try server.start(frameBuffer, keyboard: keyboard, name: "tiny-vnc")
      defer { server.stop() }
      let client = try RFBClient(port: server.port)
      try client.update(incremental: false)
      #expect(client.pixel(100, 198) == 0)
      #expect(try guest.runUntilDone())
      #expect(try guest.results(4) == [0x11, 0x2211, 0x4433_2211, 0x8877_6655_4433_2211])
      #expect(guest.userExitCount == 1)
      // KVM's log of changed pages.
      let changes = try client.update(incremental: true)
      #expect(client.pixel(100, 198) == 0x33_2211)
      #expect(client.pixel(101, 198) == 0x77_6655)
      #expect(changes.allSatisfy { $0.y >= 190 })
    }
  }
}
