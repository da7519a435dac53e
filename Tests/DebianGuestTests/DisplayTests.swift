import Foundation
import TestSupport
import Testing

extension DebianGuestTests {
  /// Debian's kernel on the frame buffer, and a person at a VNC viewer.
  struct DisplayTests {
    /// The port that lkvm says it listens at.
    private static func port(of guest: LkvmProcess) throws -> UInt16 {
      try guest.wait("it did not say where VNC listens", within: .seconds(60)) {
        guest.errors.contains("VNC listens at ") && guest.errors.contains("\n")
      }
      let line = guest.errors.split(separator: "\n").first { $0.contains("VNC listens at ") }
      return try #require(line?.split(separator: ":").last.flatMap { UInt16($0) })
    }

    @Test func `a shell on the frame buffer takes what a VNC client types, and shows it`() throws {
      let guest = try LkvmProcess(
        ["run", "-c", "1", "-m", "512", "--vnc=127.0.0.1:0", "--vidmode", "640x480", "--params", "quiet"])
      let client = try RFBClient(port: try Self.port(of: guest))
      #expect(client.width == 640)
      #expect(client.height == 480)
      // The shell is there when its effect is. What is typed before is lost, or waits in the terminal.
      let deadline = ContinuousClock.now + GuestReport.limit
      while !guest.output.contains("typed 42"), guest.isRunning, ContinuousClock.now < deadline {
        try client.type("\necho typed $((6*7)) > /dev/ttyS0\n")
        Thread.sleep(forTimeInterval: 2)
      }
      #expect(guest.output.contains("typed 42"), "\(guest.output.suffix(2000)) \(guest.errors)")
      try client.update(incremental: false)
      let before = client.picture
      #expect(Set(before).count > 1, "text on a ground")
      try client.type("clear; echo seen\n")
      Thread.sleep(forTimeInterval: 5)
      try client.update(incremental: false)
      #expect(client.picture != before)
      #expect(Set(client.picture).count > 1)
      // Keyboard and mouse are found.
      try client.type("cat /sys/bus/serio/devices/*/description > /dev/ttyS0\n")
      try guest.wait(for: "i8042 AUX port", within: .seconds(120))
      try client.type("exit\n")
      #expect(try guest.waitForEnd(within: .seconds(120)) == 0)
    }

    @Test func `a guest with a window of SDL's runs within its sandbox to its end`() throws {
      let guest = try LkvmProcess(
        ["run", "-c", "1", "-m", "512", "--sdl", "--", "sh", "-c", "cat /proc/fb; exit 4"],
        environment: ["SDL_VIDEODRIVER": "dummy"])
      #expect(try guest.waitForEnd(within: GuestReport.limit) == 4, "\(guest.errors)")
      #expect(guest.output.contains("0 VESA VGA"))
    }

    @Test func `a window on an X server shows what a booted guest drew`() throws {
      let server = try XServer(width: 800, height: 600)
      #expect(Set(try server.screenshot()) == [0], "an empty screen")
      let pictures = "UVWX"
      let guest = try LkvmProcess(
        [
          "run", "-c", "1", "-m", "512", "--sdl", "--vidmode", "640x480",
          "--params", "quiet vt.global_cursor_default=0", "--", "sh", "-c",
          """
          for byte in \(pictures.map(String.init).joined(separator: " ")); do
            head -c 1228800 /dev/zero | tr '\\0' $byte > /dev/fb0; echo drawn $byte $((6*7))
            read word; [ "$word" != end ] || exit 5
          done
          """,
        ], environment: ["DISPLAY": server.display, "SDL_VIDEODRIVER": "x11"])
      // The kernel of a guest that gets little time complains of it, and its console then scrolls over the picture. It draws another
      // one, which the window has to show as a whole.
      let pixelCount = 640 * 480
      var shown = 0
      for picture in pictures where shown < pixelCount {
        if picture != pictures.first { try guest.type("next\n") }
        try guest.wait(for: "drawn \(picture) 42", within: GuestReport.limit)
        let pixel = UInt32(picture.asciiValue ?? 0) * 0x01_0101
        // The window shows a change within a frame; the emulated host takes its time.
        let deadline = ContinuousClock.now + .seconds(60)
        repeat {
          Thread.sleep(forTimeInterval: 1)
          shown = try server.screenshot().count { $0 == pixel }
        } while shown < pixelCount && ContinuousClock.now < deadline
      }
      try #require(shown == pixelCount, "the window has \(shown) pixels of the last picture")
      try guest.type("end\n")
      #expect(try guest.waitForEnd(within: .seconds(120)) == 5, "\(guest.errors)")
    }

    @Test func `a command writes to the terminal, and the frame buffer shows the kernel's messages`() throws {
      let guest = try LkvmProcess(
        [
          "run", "-c", "1", "-m", "512", "--vnc=127.0.0.1:0", "--", "sh", "-c",
          "echo up $((6*7)); read x; exit 3",
        ])
      let client = try RFBClient(port: try Self.port(of: guest))
      try guest.wait(for: "up 42", within: GuestReport.limit)
      try client.update(incremental: false)
      #expect(Set(client.picture).count > 1)
      try guest.type("x\n")
      #expect(try guest.waitForEnd(within: .seconds(120)) == 3)
    }
  }
}
