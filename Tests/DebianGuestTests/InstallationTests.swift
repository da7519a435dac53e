import Foundation
import Testing

extension DebianGuestTests {
  /// A disk with an installation of Debian: the system on it runs as on a computer.
  struct InstallationTests {
    /// The image of scripts/lib/guest/debian-image, which scripts/test makes.
    private static var original: String {
      get throws {
        guard let path = ProcessInfo.processInfo.environment["VEXT_DEBIAN_IMAGE"], !path.isEmpty else {
          throw TestFailure("VEXT_DEBIAN_IMAGE names no image: scripts/lib/guest/debian-image makes one")
        }
        return path
      }
    }

    @Test(arguments: ["raw", "qcow2"])
    func `a user logs in on the serial console, writes a file and powers off`(format: String) throws {
      let folder = try TemporaryFolder()
      let (image, check) = (folder.file("disk"), folder.file("check"))
      try VirtualHost.run("qemu-img", "convert", "-O", format, try Self.original, image)
      let terminal = try PseudoTerminal()
      let guest = try LkvmProcess(["run", "-c", "1", "-m", "768", "-d", image], terminal: terminal)
      try guest.logIn()
      // The terminal echoes what is typed: the line has no result in it.
      try guest.type(
        "echo \"@$(ps -o comm= -p 1 2>/dev/null || cat /proc/1/comm)@$(findmnt -nro FSTYPE,OPTIONS /)@\"\r")
      try guest.wait(for: "@systemd@ext4 rw", within: .seconds(60))
      try guest.type("dd if=/dev/urandom of=/root/file bs=64k count=64 && cksum < /root/file > /root/sum\r")
      try guest.wait(for: "64+0 records out", within: .seconds(120))
      try guest.type("systemctl poweroff\r")
      #expect(try guest.waitForEnd(within: .seconds(300)) == 0, "\(guest.output.suffix(2000))")
      if format == "qcow2" { try VirtualHost.run("qemu-img", "check", image) }
      try VirtualHost.run("qemu-img", "convert", "-O", "raw", image, check)
      try VirtualHost.run("e2fsck", "-fn", check)
      for name in ["file", "sum"] {
        try VirtualHost.run("debugfs", "-R", "dump /root/\(name) \(folder.file(name))", check)
      }
      let sum = try VirtualHost.run("sh", "-c", "cksum < \(folder.file("file"))")
      #expect(try String(contentsOfFile: folder.file("sum"), encoding: .utf8) == sum)
    }
  }
}
