import Foundation
import Testing

extension DebianGuestTests {
  /// Firmware that boots a disk, and programs and kernels that start in real mode.
  struct FirmwareTests {
    private static let seaBIOS = "/usr/share/seabios/bios-256k.bin"

    /// A program for offset `place` of its segment that prints `text` and a line feed by int 10h, then powers off.
    private static func program(at place: UInt16, _ text: String) -> [UInt8] {
      let start = place + 0x18
      return [
        0xBE, UInt8(start & 0xFF), UInt8(start >> 8),  // mov  $text, %si
        0xFC,  //                                         cld
        0xAC,  //                                      1: lodsb
        0xB4, 0x0E,  //                                   mov  $0x0e, %ah
        0xCD, 0x10,  //                                   int  $0x10
        0x3C, 0x0A,  //                                   cmp  $'\n', %al
        0x75, 0xF7,  //                                   jne  1b
        0xBA, 0x04, 0x06,  //                             mov  $0x604, %dx
        0xB8, 0x00, 0x34,  //                             mov  $0x3400, %ax
        0xEF,  //                                         out  %ax, (%dx)
        0xF4,  //                                      2: hlt
        0xEB, 0xFD,  //                                   jmp  2b
        0x90,  //                                         nop
      ] + Array("\(text)\r\n".utf8)
    }

    @Test func `a flat binary prints by the BIOS and powers the machine off`() throws {
      let folder = try TemporaryFolder()
      let path = folder.file("flat")
      try Data(Self.program(at: 0, "flat binary here")).write(to: URL(filePath: path))
      let guest = try LkvmProcess(["run", "-k", path, "-m", "16", "-c", "1", "--nodefaults"])
      let report = try GuestReport(guest, within: .seconds(60))
      #expect(report.exitCode == 0)
      #expect(report.console.contains("flat binary here"))
      #expect(report.errors.contains("no kernel; it starts as a flat real-mode binary"))
    }

    @Test func `iPXE starts, a kernel of an old boot protocol`() throws {
      let guest = try LkvmProcess([
        "run", "-k", "/boot/ipxe.lkrn", "-m", "64", "-c", "1", "--nodefaults",
      ])
      try guest.wait(for: "iPXE initialising devices", within: .seconds(120))
      guest.signal(SIGTERM)
      #expect(try guest.waitForEnd(within: .seconds(30)) == 128 + SIGTERM)
    }

    /// The smaller one has all its code in the last 128 KiB.
    @Test(arguments: ["bios.bin", "bios-256k.bin"])
    func `SeaBIOS shows its screen on the serial port and looks for a disk`(image: String) throws {
      let guest = try LkvmProcess([
        "run", "-f", "/usr/share/seabios/\(image)", "-m", "64", "-c", "2", "--nodefaults",
      ])
      try guest.wait(for: "SeaBIOS (version", within: .seconds(120))
      try guest.wait(for: "No bootable device", within: .seconds(120))
      guest.signal(SIGTERM)
      #expect(try guest.waitForEnd(within: .seconds(30)) == 128 + SIGTERM)
    }

    @Test(arguments: ["pci", "pci-legacy"])
    func `SeaBIOS starts the boot sector of a disk behind either interface`(transport: String) throws {
      let folder = try TemporaryFolder()
      let path = try folder.image("disk", mebibytes: 1, zeroes: true)
      var sector = Self.program(at: 0x7C00, "boot sector here, then nothing")
      sector += [UInt8](repeating: 0, count: 510 - sector.count) + [0x55, 0xAA]
      let file = try FileHandle(forWritingTo: URL(filePath: path))
      try file.write(contentsOf: Data(sector))
      try file.close()
      let guest = try LkvmProcess([
        "run", "-f", Self.seaBIOS, "-m", "32", "-c", "1", "--nodefaults", "--virtio-transport", transport,
        "-d", path,
      ])
      let report = try GuestReport(guest, within: .seconds(120))
      #expect(report.exitCode == 0)
      // SeaBIOS holds the last character back.
      #expect(report.console.contains("boot sector here"), "\(report.console)")
    }

    @Test func `SeaBIOS starts the GRUB of a disk, which starts the Debian on it`() throws {
      guard let system = ProcessInfo.processInfo.environment["VEXT_DEBIAN_IMAGE"], !system.isEmpty else {
        throw TestFailure("VEXT_DEBIAN_IMAGE names no image: scripts/lib/guest/debian-image makes one")
      }
      let folder = try TemporaryFolder()
      let disk = folder.file("disk")
      try VirtualHost.run(VirtualHost.grubImage.path, system, disk)
      let terminal = try PseudoTerminal()
      // More than fits below the hole for PCI, so that the firmware learns of all of it.
      let guest = try LkvmProcess(
        ["run", "-f", Self.seaBIOS, "-c", "2", "-m", "3500", "-d", disk], terminal: terminal)
      try guest.wait(for: "GRUB starts Linux", within: .seconds(120))
      try guest.logIn()
      // The terminal echoes what is typed: the line has no result in it.
      try guest.type(
        "echo \"@$(nproc)@$(($(grep MemTotal /proc/meminfo | tr -dc 0-9) / 1000000))@$(ls -d /sys/firmware/acpi/tables/FACP)@\"\r"
      )
      try guest.wait(for: "@2@3@/sys/firmware/acpi/tables/FACP@", within: .seconds(60))
      try guest.type("systemctl poweroff\r")
      #expect(try guest.waitForEnd(within: .seconds(300)) == 0, "\(guest.output.suffix(2000))")
    }
  }
}
