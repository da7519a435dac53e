import Foundation
import HostSystem
import Testing

/// The process of a network in user space, beside a guest of a few instructions: needs /dev/kvm, any, and libslirp.
@Suite(.enabled("needs /dev/kvm") { unsafe access("/dev/kvm", R_OK | W_OK) == 0 })
struct NetworkProcessTests {
  private static let machine = ["-m", "32", "-c", "1", "--nodefaults", "--any-kvm", "--name", "a"]

  private struct Missing: Error {}

  /// The process that `parent` started.
  private static func child(of parent: Int32) throws -> Int32 {
    for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
      guard let process = Int32(name), let status = try? LkvmProcess.text(process, "status") else { continue }
      if status.contains("\nPPid:\t\(parent)\n") { return process }
    }
    throw Missing()
  }

  /// The same once it has loaded libslirp, which it does when the guest runs, and given up its rights.
  private static func servingChild(of parent: Int32) throws -> Int32 {
    let process = try child(of: parent)
    for _ in 0..<1000 {
      usleep(10_000)
      let status = try LkvmProcess.text(process, "status")
      guard status.contains("\nNoNewPrivs:\t1\n") else { continue }
      if !SystemCallFilter.isAvailable || status.contains("\nSeccomp:\t2\n") {
        // Its answer is under way.
        usleep(50_000)
        return process
      }
    }
    throw Missing()
  }

  @Test func `libslirp is in a process with a filter, two sockets and none of the guest's memory`() throws {
    let fixture = try LkvmFixture()
    let guest = try fixture.start(["run", "halt", "-n", "mode=user"] + Self.machine)
    let process = try fixture.processIdentifier(of: "a")
    let helper = try Self.servingChild(of: process)
    #expect(try LkvmProcess.text(helper, "maps").contains("libslirp"))
    #expect(try !LkvmProcess.text(process, "maps").contains("libslirp"))
    let status = try LkvmProcess.text(helper, "status")
    #expect(status.contains("\nThreads:\t1\n"))
    #expect(status.contains("\nNoNewPrivs:\t1\n"))
    if SystemCallFilter.isAvailable { #expect(status.contains("\nSeccomp:\t2\n")) }
    if geteuid() == 0 { #expect(status.contains("\nCapEff:\t0000000000002000\n")) }
    let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(helper)/fd").map {
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(helper)/fd/\($0)")) ?? "?"
    }
    // Frames, answers, an eventfd, and what libslirp opens; no KVM, no console.
    #expect(files.count { $0.hasPrefix("socket:") } >= 2)
    #expect(!files.contains { $0.contains("kvm") || $0.contains("memfd") }, "\(files)")
    #expect(try fixture.run(["stop", "-n", "a"]).exitCode == 0)
    let outcome = try guest.waitForEnd()
    #expect(outcome.exitCode == 0)
    #expect(outcome.errors.isEmpty, "\(outcome.errors)")
    #expect(LkvmProcess.hasEnded(helper))
  }

  @Test func `the network's process ends with a guest that is killed`() throws {
    let fixture = try LkvmFixture()
    let guest = try fixture.start(["run", "halt", "-n", "mode=user"] + Self.machine)
    let process = try fixture.processIdentifier(of: "a")
    let helper = try Self.child(of: process)
    kill(process, SIGKILL)
    _ = try guest.waitForEnd()
    #expect(LkvmProcess.hasEnded(helper))
  }

  @Test func `a guest goes on without its network's process, and says so once`() throws {
    let fixture = try LkvmFixture()
    let guest = try fixture.start(["run", "halt", "-n", "mode=user"] + Self.machine)
    let process = try fixture.processIdentifier(of: "a")
    kill(try Self.servingChild(of: process), SIGKILL)
    usleep(200_000)
    #expect(try fixture.processIdentifier(of: "a") == process)
    #expect(try fixture.run(["stop", "-n", "a"]).exitCode == 0)
    let outcome = try guest.waitForEnd()
    #expect(outcome.exitCode == 0)
    #expect(
      outcome.errors
        == "lkvm: error: --network: the process of libslirp has ended; the guest's card has no network any more\n"
    )
  }

  @Test func `a port that is in use is reported, and one is free again when the guest has ended`() throws {
    let fixture = try LkvmFixture()
    let port = 20_000 + Int(getpid()) % 20_000
    let options = ["-n", "mode=user,hostfwd=tcp:\(port)-:22"]
    let guest = try fixture.start(["run", "halt"] + options + Self.machine)
    _ = try fixture.processIdentifier(of: "a")
    let second = try fixture.run(["run", "reset", "-m", "32", "-c", "1", "--nodefaults"] + options)
    #expect(second.exitCode == 1)
    #expect(
      second.errors == "lkvm: error: --network: hostfwd tcp 127.0.0.1:\(port): Address already in use\n")
    #expect(try fixture.run(["stop", "-n", "a"]).exitCode == 0)
    #expect(try guest.waitForEnd().exitCode == 0)
    for _ in 0..<3 {
      #expect(
        try fixture.run(["run", "reset", "-m", "32", "-c", "1", "--nodefaults"] + options).exitCode == 0)
    }
  }

  @Test(arguments: [
    "mode=user,guest_ip=10.1.2.15,host_ip=10.1.2.1,mtu=1400,loopback=on,allow=10.0.0.0/8,allow=1.1.1.1/32",
    "mode=user,guest_ip=192.168.33.15,restrict=on,hostfwd=udp:127.0.0.1:\(40_000 + Int(getpid()) % 20_000)-192.168.33.15:53",
  ])
  func `a card's settings reach its process, and the command line refuses the command`(card: String) throws {
    let fixture = try LkvmFixture()
    let guest = try fixture.start(["run", "halt", "-n", card] + Self.machine)
    let helper = try Self.servingChild(of: try fixture.processIdentifier(of: "a"))
    let words = try LkvmProcess.text(helper, "cmdline")
      .split(separator: "\0", omittingEmptySubsequences: false)
    #expect(words.dropFirst().prefix(4) == ["network-process", "strict", "", Substring(card)])
    #expect(try fixture.run(["stop", "-n", "a"]).exitCode == 0)
    #expect(try guest.waitForEnd().exitCode == 0)
    let outcome = try fixture.run(["network-process", "strict", "", "mode=user"])
    #expect(outcome.exitCode == 64)
    #expect(outcome.errors == "lkvm: error: network-process: 'lkvm run' starts it by itself\n")
  }

  @Test(.enabled("needs root") { geteuid() == 0 })
  func `in a jail the network's process is the user's too`() throws {
    let fixture = try LkvmFixture()
    let guest = try fixture.start(["run", "halt", "-n", "mode=user", "--jail", "65534:65533"] + Self.machine)
    let process = try fixture.processIdentifier(of: "a")
    let helper = try Self.child(of: process)
    let status = try LkvmProcess.text(helper, "status")
    for line in ["Uid:\t65534\t65534\t65534\t65534", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"] {
      #expect(status.contains("\n\(line)\n"), "\(status)")
    }
    #expect(!FileManager.default.fileExists(atPath: "/proc/\(helper)/root/etc/passwd"))
    #expect(try fixture.run(["stop", "-n", "a"]).exitCode == 0)
    let outcome = try guest.waitForEnd()
    #expect(outcome.exitCode == 0)
    #expect(outcome.errors.isEmpty, "\(outcome.errors)")
  }
}
