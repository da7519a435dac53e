import Foundation
import Hypervisor
import Testing

/// The built lkvm with a disk that the built vextd serves: needs /dev/kvm, any.
@Suite(.enabled("needs /dev/kvm") { unsafe access("/dev/kvm", R_OK | W_OK) == 0 })
struct LkvmServiceTests {
  private static let machine = ["--any-kvm", "-m", "32", "-c", "1", "--nodefaults"]

  /// A vextd with the fixture's disk.img as "a", which ends with the test.
  private final class Service {
    let socket: String
    private let process = Process()

    init(_ fixture: LkvmFixture, options: [String] = []) throws {
      socket = fixture.folder.file("vextd.sock")
      process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "vextd")
      process.arguments = ["--socket", socket, "--disk", "a=\(fixture.folder.file("disk.img"))"] + options
      try process.run()
      #expect(wait { true })
    }

    deinit {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }

    /// Waits until the service answers and `condition` holds, ten seconds at most.
    func wait(_ condition: () -> Bool) -> Bool {
      for _ in 0..<500 {
        if list != nil, condition() { return true }
        usleep(20_000)
      }
      return false
    }

    /// What `vextd ctl list` would print.
    var list: String? { try? VextServiceQuestion.list.ask(path: socket) }
  }

  @Test func `a guest opens a disk of vextd's, and gives it back when it ends or is killed`() throws {
    let fixture = try LkvmFixture()
    let service = try Service(fixture)
    let disk = ["--vext", "vextd:\(service.socket)/a"]
    #expect(try fixture.run(["run", "reset"] + Self.machine + disk).exitCode == 0)

    let guest = try fixture.start(["run", "halt", "--name", "g"] + Self.machine + disk)
    let process = try fixture.processIdentifier(of: "g")
    #expect(service.list?.contains("process \(process) user \(geteuid()) disk a, queues: 0\n") == true)
    #expect(try fixture.run(["stat", "-n", "g"]).output.contains("vext0_reads"))
    let second = try fixture.run(["run", "halt", "--name", "h"] + Self.machine + disk)
    #expect(second.exitCode == 1)
    #expect(
      second.errors.hasPrefix("lkvm: error: --vext: vextd at \(service.socket): the disk 'a' is in use"))
    kill(process, SIGKILL)
    _ = try guest.waitForEnd()
    #expect(service.wait { service.list?.contains(" disk a,") == false })
    #expect(try fixture.run(["run", "reset"] + Self.machine + disk).exitCode == 0)
  }

  @Test func `a guest opens a disk of vextd's over vhost-user, and gives it back when it ends`() throws {
    let fixture = try LkvmFixture()
    let socket = fixture.folder.file("vhost.sock")
    let service = try Service(fixture, options: ["--vhost-user", "a=\(socket)"])
    let disk = ["--vhost-user-blk", socket]
    #expect(try fixture.run(["run", "reset"] + Self.machine + disk).exitCode == 0)
    let guest = try fixture.start(["run", "halt", "--name", "g"] + Self.machine + disk)
    let process = try fixture.processIdentifier(of: "g")
    #expect(
      service.list?.contains("process \(process) user \(geteuid()) disk a, queues: 0, vhost-user\n") == true)
    let second = try fixture.run(["run", "halt", "--name", "h"] + Self.machine + disk)
    #expect(second.exitCode == 1)
    #expect(
      second.errors.hasPrefix(
        "lkvm: error: --vhost-user-blk: \(socket): the other side closed the connection"))
    kill(process, SIGKILL)
    _ = try guest.waitForEnd()
    #expect(service.wait { service.list?.contains(" disk a,") == false })
  }

  @Test(arguments: ["--vhost-user-blk", "--vhost-user-fs"])
  func `a vhost-user socket that is not there is named in one line`(option: String) throws {
    let fixture = try LkvmFixture()
    let value = "/nowhere/v.sock" + (option == "--vhost-user-fs" ? ",tag=files" : "")
    let missing = try fixture.run(["run", "halt"] + Self.machine + [option, value])
    #expect(missing.exitCode == 1)
    #expect(missing.errors.hasPrefix("lkvm: error: \(option): /nowhere/v.sock: nobody listens there"))
    #expect(missing.errors.split(separator: "\n").count == 1)
    let huge = try fixture.run(
      ["run", "halt"] + Self.machine + [option, value, "--hugetlbfs", "/dev/hugepages"])
    #expect(huge.exitCode == 64)
    let twice = try fixture.run(
      ["run", "halt"] + Self.machine + ["--vhost-user-fs", "a,tag=x", "--vhost-user-fs", "b,tag=x"])
    #expect(twice.exitCode == 64)
  }

  @Test func `huge pages of hugetlbfs, which vextd does not serve, are refused`() throws {
    let fixture = try LkvmFixture()
    let refused = try fixture.run(
      ["run", "halt"] + Self.machine + ["--hugetlbfs", "/dev/hugepages", "--vext", "vextd:/nowhere/v.sock/a"])
    #expect(refused.exitCode == 64)
    #expect(refused.errors.hasPrefix("lkvm: error: --hugetlbfs /dev/hugepages: vextd does not serve"))
  }

  @Test func `a service that is not there, or has no such disk, is an error of one line`() throws {
    let fixture = try LkvmFixture()
    let missing = try fixture.run(["run", "halt"] + Self.machine + ["--vext", "vextd:/nowhere/v.sock/a"])
    #expect(missing.exitCode == 1)
    #expect(missing.errors.hasPrefix("lkvm: error: --vext: vextd at /nowhere/v.sock: nobody listens"))
    let service = try Service(fixture)
    let unknown = try fixture.run(["run", "halt"] + Self.machine + ["--vext", "vextd:\(service.socket)/b"])
    #expect(unknown.exitCode == 1)
    #expect(unknown.errors.contains("it has no disk 'b'"))
    #expect(unknown.errors.count { $0.isNewline } == 1)
  }
}
