import Foundation
import HostSystem
import Hypervisor
import Synchronization
import SystemPackage
import Testing

@testable import lkvm

/// What is left of a process's rights, tried by a thread that has given the others up.
struct GuestSandboxTests {
  private static func plan(_ fixture: LkvmFixture, _ options: [String]) throws -> GuestPlan {
    try plan(fixture, starting: ["-k", fixture.folder.file("halt"), "--nodefaults"] + options)
  }

  private static func plan(_ fixture: LkvmFixture, starting options: [String]) throws -> GuestPlan {
    let command = try ParsedCommand.run(options)
    let machine = try GuestPlan.machine(
      command.settings, name: "a", host: HostResources(onlineCPUCount: 1, memoryByteCount: 1 << 30))
    return try GuestPlan(
      command.settings, machine: machine, kernelFile: nil, command: [], home: fixture.home)
  }

  private static func sandbox(_ fixture: LkvmFixture, _ options: [String]) throws -> GuestSandbox {
    GuestSandbox(try plan(fixture, options), initrd: nil, home: fixture.home, kvm: "/dev/kvm")
  }

  /// What open(2) answers: 0, or an error number.
  private static func opening(_ path: String, _ flags: Int32 = O_RDONLY) -> Int32 {
    do throws(Errno) {
      _ = try OwnedDescriptor.open(path, flags: flags, mode: 0o600)
      return 0
    } catch {
      return error.rawValue
    }
  }

  /// Opens each path on a thread with these rights alone.
  private static func openings(
    _ sandbox: GuestSandbox, _ files: [(path: String, flags: Int32)]
  ) throws -> [Int32] {
    let outcome = Outcome()
    try HostThread(name: "sandbox", cpus: nil) {
      outcome.set(
        Result { () throws -> [Int32] in
          #expect(try sandbox.enforce(.strict) == [])
          return files.map { opening($0.path, $0.flags) }
        })
    }.join()
    return try #require(outcome.get()).get()
  }

  private final class Outcome: Sendable {
    private let value = Mutex<Result<[Int32], any Error>?>(nil)
    func set(_ new: Result<[Int32], any Error>) { value.withLock { $0 = new } }
    func get() -> Result<[Int32], any Error>? { value.withLock { $0 } }
  }

  private final class Lines: Sendable {
    private let value = Mutex<[String]>([])
    var all: [String] { value.withLock { $0 } }
    func append(_ lines: [String]) { value.withLock { $0 += lines } }
  }

  @Test(.enabled(if: LandlockRuleset.coverage != nil))
  func `a guest's process opens its disks and shares, and neither /etc/shadow nor what lies beside them`()
    throws
  {
    let fixture = try LkvmFixture()
    let folder = fixture.folder
    for name in ["home", "shared"] {
      try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: false)
    }
    let sandbox = try Self.sandbox(
      fixture,
      [
        "-d", folder.file("disk.img"), "-d", "\(folder.file("tiny.img")),ro", "--9p",
        "\(folder.file("dir")),t",
        "--9p", "\(folder.file("shared")),s,ro",
      ])
    let expected: [(String, Int32, Int32)] = [
      (folder.file("disk.img"), O_RDWR, 0), (folder.file("tiny.img"), O_RDONLY, 0),
      (folder.file("tiny.img"), O_RDWR, EACCES), (folder.file("dir/new"), O_CREAT | O_RDWR, 0),
      (folder.file("shared"), O_RDONLY | O_DIRECTORY, 0),
      (folder.file("shared/new"), O_CREAT | O_RDWR, EACCES), (folder.file("noise"), O_RDONLY, EACCES),
      ("/etc/shadow", O_RDONLY, EACCES), ("/etc/passwd", O_RDONLY, EACCES), ("/bin/sh", O_RDONLY, EACCES),
      (folder.file("home/a.sock"), O_CREAT | O_RDWR, EACCES), ("/dev/null", O_RDWR, 0),
    ]
    let answers = try Self.openings(sandbox, expected.map { ($0.0, $0.1) })
    for (answer, (path, flags, error)) in zip(answers, expected) {
      #expect(answer == error, "\(path), flags \(flags)")
    }
  }

  @Test func `neither firmware nor kernel modules are needed once firmware has been read`() throws {
    let fixture = try LkvmFixture()
    let (firmware, disk) = (fixture.folder.file("firmware"), fixture.folder.file("disk.img"))
    let plan = try Self.plan(fixture, starting: ["-f", firmware, "-d", disk])
    let sandbox = GuestSandbox(plan, initrd: nil, home: fixture.home, kvm: "/dev/kvm")
    let paths = sandbox.rules.map(\.path)
    #expect(paths.contains(disk))
    #expect(!paths.contains(firmware) && !paths.contains("/lib/modules"))
    // No root folder was made for a system that lkvm does not start.
    #expect(try fixture.homeEntries == [])
  }

  @Test func `TCP is kept by no guest's process`() throws {
    let fixture = try LkvmFixture()
    let user = try Self.sandbox(fixture, ["-n", "mode=user"])
    #expect(!user.allowsTCP)
    #expect(!user.rules.contains { $0.path == "/etc/resolv.conf" })
    #expect(
      try !GuestThreadSandbox(Self.plan(fixture, ["-n", "mode=user"]), home: fixture.home).kinds.contains(
        .network))
    let tap = try Self.sandbox(fixture, ["-n", "mode=tap"])
    #expect(!tap.allowsTCP)
    #expect(tap.rules.contains { $0.path == "/dev/net/tun" })
  }

  @Test func `the device of a vhost driver is kept for a guest that uses it alone`() throws {
    let fixture = try LkvmFixture()
    let rule = GuestSandbox.Rule(
      path: "/dev/vhost-vsock", access: [.read, .write, .controlDevices], isOptional: true)
    #expect(try Self.sandbox(fixture, ["--vsock", "3"]).rules.contains(rule))
    #expect(
      try Self.sandbox(fixture, ["-d", "scsi:naa.6001"]).rules.contains { $0.path == "/dev/vhost-scsi" })
    #expect(
      try Self.sandbox(fixture, ["-n", "mode=tap,vhost=1"]).rules.contains { $0.path == "/dev/vhost-net" })
    #expect(try !Self.sandbox(fixture, ["-n", "mode=tap"]).rules.contains { $0.path == "/dev/vhost-net" })
    #expect(try !Self.sandbox(fixture, []).rules.contains { $0.path.hasPrefix("/dev/vhost") })
  }

  @Test(arguments: [["--vsock", "3"], ["-d", "scsi:naa.6001"], ["-n", "mode=tap,vhost=1"]])
  func `three kinds of threads make the ioctls of vhost for a guest that uses it alone`(options: [String])
    throws
  {
    let fixture = try LkvmFixture()
    let calls = GuestThreadSandbox(try Self.plan(fixture, options), home: fixture.home).additionalCalls
    #expect(Set(calls.keys) == [.vcpu, .main, .device])
    #expect(calls.values.allSatisfy { $0 == GuestSystemCalls.vhost })
    #expect(
      GuestThreadSandbox(try Self.plan(fixture, ["-n", "mode=tap"]), home: fixture.home).additionalCalls
        .isEmpty)
  }

  @Test func `a warning names what cannot be restricted`() throws {
    let fixture = try LkvmFixture()
    let said = Lines()
    let sandboxes = [
      try Self.sandbox(fixture, []), try Self.sandbox(fixture, ["-n", "mode=tap,script=/bin/true"]),
    ]
    try HostThread(name: "sandbox", cpus: nil) {
      for sandbox in sandboxes {
        let lines = Result { try sandbox.enforce(.strict, coverage: nil) }
        said.append((try? lines.get()) ?? ["it failed"])
      }
    }.join()
    let lines = said.all
    #expect(lines.count == 2)
    #expect(lines.first?.contains("has no Landlock") == true)
    #expect(lines.last == "files are not restricted: --network script= and downscript= run programs")
    #expect(try sandboxes[0].enforce(.off) == [])
  }

  @Test func `a guest whose RAM disk lkvm makes may read the kernel's modules`() throws {
    let fixture = try LkvmFixture()
    let sandbox = try Self.sandbox(fixture, ["-d", fixture.folder.file("disk.img")])
    #expect(sandbox.rules.contains(.init(path: "/lib/modules", access: .read, isOptional: true)))
  }
}
