import Foundation
import Hypervisor
import Testing

/// The built program with guests of a few instructions: needs /dev/kvm, any.
@Suite(.enabled("needs /dev/kvm") { unsafe access("/dev/kvm", R_OK | W_OK) == 0 })
struct LkvmGuestTests {
  private static let machine = ["-m", "32", "-c", "1", "--nodefaults"]

  @Test(
    arguments: [
      (["-d", "missing"], "--disk: disk missing: No such file or directory"),
      (["-d", "fifo"], "--disk: disk fifo: "),
      (["-d", "empty"], "--disk: disk empty: "), (["-d", "tiny.img"], "--disk: disk tiny.img: "),
      (["-d", "/dev/null"], "--disk: disk /dev/null: "), (["--vext", "missing"], "--vext: disk missing: "),
      (["--vext", "dir"], "--vext: disk dir: "), (["-i", "missing"], "--initrd: initrd missing: "),
      (["-i", "empty"], "--initrd: initrd empty: "), (["-i", "fifo"], "--initrd: initrd fifo: "),
      (["-i", "dir"], "--initrd: initrd dir: "), (["-i", "large"], "--initrd: initrd large: "),
      (["-m", "4096B"], "--mem: "), (["-m", "1"], "--mem: "), (["--9p", "missing,t"], "--9p: "),
      (["--9p", "fifo,t"], "--9p: "), (["--pin", "8000"], "--pin: "),
      (["--numa-node", "1000"], "--numa-node: "),
      (
        [String](repeating: "disk.img,ro", count: 40).flatMap { ["-d", $0] },
        "--disk: more devices than PCI slots"
      ),
      (
        [String](repeating: "mode=user", count: 40).flatMap { ["-n", $0] },
        "--network: more devices than PCI slots"
      ),
    ] as [([String], String)])
  func `a guest that cannot be made is refused by the name of its option`(
    arguments: [String], message: String
  ) throws {
    let fixture = try LkvmFixture()
    try Data().write(to: URL(filePath: fixture.folder.file("large")))
    #expect(unsafe truncate(fixture.folder.file("large"), 1 << 40) == 0)
    let outcome = try fixture.run(["run", "-k", "halt"] + Self.machine + arguments)
    #expect(outcome.exitCode == 1)
    #expect(outcome.errors.hasPrefix("lkvm: error: \(message)"))
    #expect(outcome.errors.count { $0.isNewline } == 1)
    #expect(outcome.output.isEmpty)
    #expect(try fixture.homeEntries == [])
  }

  @Test(arguments: ["direct", "format=raw", "snapshot=a"])
  func `a folder as the root has none of the settings of an image`(setting: String) throws {
    let fixture = try LkvmFixture()
    let outcome = try fixture.run(["run", "halt", "-d", "dir,\(setting)"] + Self.machine)
    #expect(outcome.exitCode == 64)
    #expect(
      outcome.errors == "lkvm: error: --disk dir: of the settings only ro and security= are for a folder\n")
  }

  @Test(
    .enabled("the host has vhost drivers loaded") { unsafe access("/dev/vhost-vsock", F_OK) != 0 },
    arguments: [
      (
        ["--vsock", "3"],
        "--vsock: there is no /dev/vhost-vsock; load the host's module: modprobe vhost_vsock"
      ),
      (
        ["-d", "scsi:naa.6001"],
        "--disk: there is no /dev/vhost-scsi; load the host's module: modprobe vhost_scsi"
      ),
    ] as [([String], String)])
  func `a vhost driver that the host does not have is named with its module`(
    arguments: [String], message: String
  ) throws {
    let fixture = try LkvmFixture()
    let outcome = try fixture.run(["run", "-k", "halt"] + Self.machine + arguments)
    #expect(outcome.exitCode == 1)
    #expect(outcome.errors == "lkvm: error: \(message)\n")
    #expect(try fixture.homeEntries == [])
  }

  @Test(arguments: [("reset", 0, "", ""), ("write", 0, "X", ""), ("fault", 70, "", "triple fault")])
  func `the exit code shows how the guest ended`(
    kernel: String, exitCode: Int32, output: String, message: String
  ) throws {
    let fixture = try LkvmFixture()
    let outcome = try fixture.run(["run", kernel] + Self.machine)
    #expect(outcome.exitCode == exitCode)
    #expect(outcome.output == output)
    #expect(message.isEmpty ? outcome.errors.isEmpty : outcome.errors.contains(message))
    #expect(try fixture.homeEntries == [])
  }

  /// In a process whose threads may not open files, for a message with the local time.
  @Test func `a flat binary prints by the BIOS, logs by the debug port, and powers off`() throws {
    let fixture = try LkvmFixture()
    let outcome = try fixture.run(["run", "flat", "--loglevel", "info"] + Self.machine)
    #expect(outcome.exitCode == 0)
    #expect(outcome.output == "R")
    #expect(outcome.errors.contains("flat: no kernel; it starts as a flat real-mode binary"))
    #expect(outcome.errors.contains(" info guest: "))
    #expect(outcome.errors.hasSuffix(" T\n"))
    #expect(try fixture.homeEntries == [])
  }

  @Test(arguments: [([], "1"), (["--sandbox-policy", "strict"], "1"), (["--sandbox-policy", "off"], "0")])
  func `the threads of a guest are without new privileges unless the user says so`(
    options: [String], flag: String
  ) throws {
    let fixture = try LkvmFixture()
    let guest = try fixture.start(["run", "halt", "--any-kvm", "--name", "a"] + Self.machine + options)
    let process = try fixture.processIdentifier(of: "a")
    let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
    #expect(threads.count > 2)
    for thread in threads {
      let status = try String(contentsOfFile: "/proc/\(process)/task/\(thread)/status", encoding: .utf8)
      #expect(status.contains("NoNewPrivs:\t\(flag)\n"), "\(status.prefix(20))")
    }
    _ = try fixture.run(["stop", "-n", "a"])
    let outcome = try guest.waitForEnd()
    #expect(outcome.exitCode == 0)
    #expect(outcome.errors.isEmpty)
    #expect(try fixture.homeEntries == [])
  }

  @Test func `--sandbox-policy log prints the rights that strict would keep, and gives up none`() throws {
    let fixture = try LkvmFixture()
    let outcome = try fixture.run(
      ["run", "reset", "--sandbox-policy", "log", "-d", "disk.img,ro", "--9p", "dir,t"] + Self.machine)
    #expect(outcome.exitCode == 0)
    #expect(
      outcome.errors.contains("lkvm: warning: --sandbox-policy log: would keep these files, and no TCP:\n"))
    #expect(outcome.errors.contains("  disk.img: read, ioctl\n"))
    #expect(outcome.errors.contains("  dir: read, write, make and remove\n"))
  }

  @Test(arguments: [(SIGHUP, 129), (SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func `a signal ends the guest`(signal: Int32, exitCode: Int32) throws {
    let fixture = try LkvmFixture()
    let guest = try fixture.start(["run", "halt", "--any-kvm", "--name", "a"] + Self.machine)
    kill(try fixture.processIdentifier(of: "a"), signal)
    let outcome = try guest.waitForEnd()
    #expect(outcome.exitCode == exitCode)
    #expect(outcome.errors.isEmpty)
    #expect(try fixture.homeEntries == [])
  }

  @Test func `a guest that sleeps answers every command`() throws {
    let fixture = try LkvmFixture()
    let guest = try fixture.start(["run", "halt", "--any-kvm", "--name", "a"] + Self.machine)
    _ = try fixture.processIdentifier(of: "a")
    let inUse = try fixture.run(["run", "halt", "--name", "a"] + Self.machine)
    #expect(inUse.exitCode == 1)
    #expect(inUse.errors == "lkvm: error: --name: a machine named 'a' runs already\n")
    for (arguments, exitCode, message) in [
      (["stat"], 0, ""), (["pause"], 0, "Guest a paused"), (["pause"], 0, "Guest a is already paused"),
      (["stat"], 0, ""), (["resume"], 0, "Guest a resumed"), (["resume"], 0, "Guest a is already running"),
      (["debug", "-d"], 0, ""),
      (["debug", "-m", "9"], 1, "there is no vCPU 9: it has 1"),
      (["balloon", "-i", "1"], 1, "it has no balloon"),
    ] as [([String], Int32, String)] {
      let outcome = try fixture.run(arguments + ["-n", "a"])
      #expect(outcome.exitCode == exitCode)
      #expect((exitCode == 0 ? outcome.output : outcome.errors).contains(message) || message.isEmpty)
      #expect(exitCode != 0 || outcome.errors.isEmpty)
    }
    #expect(try fixture.run(["stop", "-a", "-n", "x"]).exitCode == 0)
    #expect(try guest.waitForEnd().exitCode == 0)
    #expect(try fixture.homeEntries == [])
  }

  @Test func `a guest is named by its root, and a second one on that root needs a name of its own`() throws {
    let fixture = try LkvmFixture()
    #expect(try fixture.run(["setup", "web"]).exitCode == 0)
    let guest = try fixture.start(["run", "halt", "--any-kvm", "-d", "web"] + Self.machine)
    _ = try fixture.processIdentifier(of: "web")
    let second = try fixture.run(["run", "halt", "-d", "web"] + Self.machine)
    #expect(second.exitCode == 1)
    #expect(
      second.errors
        == "lkvm: error: a machine named 'web' runs already; give this one another name with --name\n")
    #expect(try fixture.run(["run", "reset", "-d", "web", "--name", "b"] + Self.machine).exitCode == 0)
    #expect(try fixture.run(["stop", "-nweb"]).exitCode == 0)
    #expect(try guest.waitForEnd().exitCode == 0)
  }

  @Test func `the socket of a guest that was killed is taken over`() throws {
    let fixture = try LkvmFixture()
    let guest = try fixture.start(["run", "halt", "--any-kvm", "--name", "a"] + Self.machine)
    kill(try fixture.processIdentifier(of: "a"), SIGKILL)
    _ = try guest.waitForEnd()
    #expect(try fixture.homeEntries == ["a.sock"])
    #expect(try fixture.run(["run", "reset", "--name", "a"] + Self.machine).exitCode == 0)
    #expect(try fixture.homeEntries == [])
  }

  @Test(
    .enabled("needs kvm_pvm and a Debian kernel") {
      SoftwareKVM.isLoaded && LkvmGuestTests.debianKernel != nil
    })
  func `lkvm reports a software KVM that cannot run the kernel, and ends`() throws {
    let fixture = try LkvmFixture()
    let kernel = try #require(Self.debianKernel)
    let start = ContinuousClock.now
    let outcome = try fixture.run(["run", kernel, "-m", "256", "-c", "1"])
    #expect(start.duration(to: .now) < .seconds(20))
    #expect(outcome.exitCode == 70)
    #expect(outcome.errors.hasPrefix("lkvm: error: "))
    for words in ["rip 0x", "code around rip", "scripts/testbed"] { #expect(outcome.errors.contains(words)) }
    #expect(try fixture.homeEntries == ["default"])
  }

  static var debianKernel: String? {
    // A host without /boot has no kernel there.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/boot")) ?? []
    return names.filter { $0.hasPrefix("vmlinuz-") }.max().map { "/boot/\($0)" }
  }

  @Test func `the guest of a stopped process is reported at once, and does not stop later`() throws {
    let fixture = try LkvmFixture()
    let guest = try fixture.start(["run", "halt", "--any-kvm", "--name", "a", "--balloon"] + Self.machine)
    let process = try fixture.processIdentifier(of: "a")
    kill(process, SIGSTOP)
    let stop = try fixture.run(["stop", "-n", "a"])
    #expect(stop.exitCode == 1)
    #expect(
      stop.errors
        == "lkvm: error: a: its process \(process) is stopped by a signal; let it go on with 'kill -CONT \(process)'\n"
    )
    kill(process, SIGCONT)
    let balloon = try fixture.run(["balloon", "-n", "a", "-i", "1"])
    #expect(balloon.exitCode == 1)
    #expect(balloon.errors == "lkvm: error: a: its system has no driver for the balloon (virtio_balloon)\n")
    #expect(try fixture.run(["stop", "-n", "a"]).exitCode == 0)
    #expect(try guest.waitForEnd().exitCode == 0)
  }
}
