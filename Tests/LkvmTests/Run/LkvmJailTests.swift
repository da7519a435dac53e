import Foundation
import Testing

/// `--jail` with guests of a few instructions: needs root and /dev/kvm, any.
@Suite(
  .enabled("needs root") { geteuid() == 0 },
  .enabled("needs /dev/kvm") { unsafe access("/dev/kvm", R_OK | W_OK) == 0 })
struct LkvmJailTests {
  private static let user = "65534:65533"
  private static let machine = ["-m", "32", "-c", "1", "--nodefaults", "--any-kvm"]

  /// The lines of a thread's status, without the spaces behind the names.
  private static func status(_ process: Int32, thread: String) throws -> [String: String] {
    var lines: [String: String] = [:]
    for line in try LkvmProcess.text(process, "task/\(thread)/status").split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { lines[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces) }
    }
    return lines
  }

  /// The first folder of a path.
  private static func top(of path: String) -> String { String(path.split(separator: "/")[0]) }

  private static func namespace(_ process: String, _ kind: String) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/\(kind)")
  }

  @Test(arguments: ["strict", "log", "off"])
  func `each thread of a jailed guest is the user's, without groups and capabilities`(policy: String) throws {
    let fixture = try LkvmFixture()
    let guest = try fixture.start(
      ["run", "halt", "--jail", Self.user, "--name", "a", "-d", "disk.img", "--9p", "dir,t"]
        + ["--sandbox-policy", policy] + Self.machine)
    let process = try fixture.processIdentifier(of: "a")
    let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
    #expect(threads.count > 4)
    for thread in threads {
      let status = try Self.status(process, thread: thread)
      let name = status["Name"] ?? ""
      // The one of the policy log reports the calls of the others, and serves no guest.
      #expect(status["Uid"] == "65534\t65534\t65534\t65534", "\(name)")
      #expect(status["Gid"] == "65533\t65533\t65533\t65533", "\(name)")
      #expect(status["Groups"] == "", "\(name)")
      for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] where name != "sandbox-log" {
        #expect(status[set] == "0000000000000000", "\(name) \(set)")
      }
      if name != "sandbox-log" { #expect(status["NoNewPrivs"] == "1", "\(name)") }
    }
    #expect(try fixture.run(["stop", "-n", "a"]).exitCode == 0)
    let outcome = try guest.waitForEnd()
    #expect(outcome.exitCode == 0)
    #expect(outcome.errors.isEmpty || policy == "log", "\(outcome.errors)")
    #expect(try fixture.homeEntries == [])
  }

  @Test func `a jailed guest has namespaces of its own, and that of the network only where it needs none`()
    throws
  {
    let fixture = try LkvmFixture()
    for (options, shared) in [([], [String]()), (["-n", "mode=user"], ["net"])] {
      let guest = try fixture.start(
        ["run", "halt", "--jail", Self.user, "--name", "a"] + Self.machine + options)
      let process = try fixture.processIdentifier(of: "a")
      for kind in ["mnt", "pid", "ipc", "uts", "cgroup", "net"] {
        let isShared = try Self.namespace("\(process)", kind) == Self.namespace("self", kind)
        #expect(isShared == shared.contains(kind), "\(kind)")
      }
      #expect(try LkvmProcess.text(process, "status").contains("\nNSpid:\t\(process)\t1\n"))
      #expect(try fixture.run(["stop", "-n", "a"]).exitCode == 0)
      #expect(try guest.waitForEnd().exitCode == 0)
    }
  }

  @Test func `the root of a jailed guest has what its options name, and nothing else`() throws {
    let fixture = try LkvmFixture()
    #expect(unsafe chmod(fixture.folder.file("disk.img"), 0o600) == 0)
    let guest = try fixture.start(
      ["run", "halt", "--jail", Self.user, "--name", "a", "-d", "disk.img", "--9p", "/,t,ro"] + Self.machine)
    let process = try fixture.processIdentifier(of: "a")
    let root = "/proc/\(process)/root"
    let names = try FileManager.default.contentsOfDirectory(atPath: root)
    let expected = ["dev", "etc", "lib", "usr", "proc", "shares", "boot", Self.top(of: fixture.folder.path)]
    #expect(Set(names).isSubset(of: expected), "\(names)")
    #expect(FileManager.default.fileExists(atPath: root + fixture.folder.file("disk.img")))
    #expect(FileManager.default.fileExists(atPath: "\(root)/shares/0/etc/passwd"))
    for path in ["/etc/passwd", "/bin", fixture.folder.file("noise"), fixture.home, "/dev/kvm", "/sys"] {
      #expect(!FileManager.default.fileExists(atPath: root + path), "\(path)")
    }
    // Only its own processes, of which there is one.
    let processes = try FileManager.default.contentsOfDirectory(atPath: "\(root)/proc").compactMap(Int.init)
    #expect(processes == [1])
    // Opened with root's rights.
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").compactMap {
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\($0)")
    }
    #expect(descriptors.contains { $0.hasSuffix("/disk.img") }, "\(descriptors)")
    #expect(try LkvmProcess.text(process, "environ").utf8.allSatisfy { $0 == 0 })
    #expect(
      try LkvmProcess.text(process, "limits").contains("Max core file size        0                    0 "))
    #expect(try fixture.run(["stop", "-n", "a"]).exitCode == 0)
    let outcome = try guest.waitForEnd()
    #expect(outcome.exitCode == 0)
    #expect(outcome.errors.isEmpty, "\(outcome.errors)")
  }

  @Test func `a folder becomes the root of a jailed guest, and links in it lead nowhere else`() throws {
    let fixture = try LkvmFixture()
    let folder = fixture.folder.file("root")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try Data("here".utf8).write(to: URL(filePath: "\(folder)/marker"))
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder)/\(Self.top(of: folder))", withDestinationPath: "/else")
    try FileManager.default.createDirectory(atPath: "\(folder)/else", withIntermediateDirectories: false)
    let guest = try fixture.start(
      [
        "run", "halt", "--jail", "\(Self.user),chroot=root", "--name", "a", "-d",
        fixture.folder.file("disk.img"),
      ]
        + Self.machine)
    let process = try fixture.processIdentifier(of: "a")
    #expect(try String(contentsOfFile: "/proc/\(process)/root/marker", encoding: .utf8) == "here")
    #expect(!FileManager.default.fileExists(atPath: "/proc/\(process)/root/bin"))
    #expect(FileManager.default.fileExists(atPath: "\(folder)/else"))
    #expect(!FileManager.default.fileExists(atPath: "/else"))
    #expect(try fixture.run(["stop", "-n", "a"]).exitCode == 0)
    let outcome = try guest.waitForEnd()
    #expect(outcome.exitCode == 0)
    #expect(outcome.errors.isEmpty, "\(outcome.errors)")
  }

  @Test(.enabled("needs cgroup2") { LkvmJailTests.controlGroups != nil })
  func `a jailed guest joins its control group before it starts`() throws {
    let fixture = try LkvmFixture()
    let group = "\(try #require(Self.controlGroups))/lkvm-test-\(getpid())"
    try FileManager.default.createDirectory(atPath: group, withIntermediateDirectories: false)
    defer { unsafe _ = rmdir(group) }
    let guest = try fixture.start(
      ["run", "halt", "--jail", "\(Self.user),cgroup=\(group)", "--name", "a"] + Self.machine)
    let process = try fixture.processIdentifier(of: "a")
    let members = try String(contentsOfFile: "\(group)/cgroup.procs", encoding: .utf8)
    #expect(members.split(separator: "\n") == ["\(process)"])
    #expect(try LkvmProcess.text(process, "cgroup").contains("0::/lkvm-test-\(getpid())"))
    #expect(try fixture.run(["stop", "-n", "a"]).exitCode == 0)
    #expect(try guest.waitForEnd().exitCode == 0)
  }

  /// Where the control groups of version 2 are mounted.
  static var controlGroups: String? {
    let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
    for line in mounts.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count > 2, words[2] == "cgroup2" { return String(words[1]) }
    }
    return nil
  }

  @Test(arguments: [("reset", 0, ""), ("write", 0, "X"), ("fault", 70, "")] as [(String, Int32, String)])
  func `a jailed guest ends with the exit code of one that is not`(
    kernel: String, exitCode: Int32, output: String
  ) throws {
    let fixture = try LkvmFixture()
    let outcome = try fixture.run(["run", kernel, "--jail", Self.user] + Self.machine)
    #expect(outcome.exitCode == exitCode)
    #expect(outcome.output == output)
    #expect(try fixture.homeEntries == [])
  }

  @Test(
    arguments: [(SIGTERM, 143, [String]()), (SIGHUP, 129, []), (SIGKILL, SIGKILL, ["a.sock"])]
      as [(Int32, Int32, [String])])
  func `a signal to the process that waits for a jailed guest ends both`(
    signal: Int32, exitCode: Int32, left: [String]
  ) throws {
    let fixture = try LkvmFixture()
    let guest = try fixture.start(["run", "halt", "--jail", Self.user, "--name", "a"] + Self.machine)
    let process = try fixture.processIdentifier(of: "a")
    let parent = try #require(
      Self.status(process, thread: "\(process)")["PPid"].flatMap { Int32($0) })
    #expect(try LkvmProcess.text(parent, "status").contains("\nCapEff:\t0000000000000022\n"))
    kill(parent, signal)
    #expect(try guest.waitForEnd().exitCode == exitCode)
    #expect(LkvmProcess.hasEnded(process))
    #expect(try fixture.homeEntries == left)
  }

  @Test(
    arguments: [
      ("", 64, "--jail : wanted USER"), ("a,", 64, "--jail a,: wanted USER"),
      ("a,root=/", 64, "--jail a,root=/: wanted USER"),
      ("a,chroot=/,chroot=/", 64, "wanted USER"), ("nobody-at-all", 64, "there is no such user"),
      ("root", 64, "root's rights would stay"), ("0:5", 64, "root's rights would stay"),
      ("5:0", 64, "root's rights would stay"), ("1:2:3", 64, "there is no such user"),
      ("5:5,chroot=missing", 1, "chroot missing: No such file or directory"),
      ("5:5,chroot=halt", 1, "chroot halt: not a folder"),
      ("5:5,chroot=/tmp", 1, "chroot /tmp: must be root's, and writable by no one else"),
      ("5:5,cgroup=missing", 1, "cgroup /sys/fs/cgroup/missing: No such file or directory"),
      ("5:5,cgroup=/proc/self", 1, "cgroup /proc/self: No such file or directory"),
    ] as [(String, Int32, String)])
  func `a jail that cannot be made is refused in one line`(
    argument: String, exitCode: Int32, message: String
  ) throws {
    let fixture = try LkvmFixture()
    let outcome = try fixture.run(["run", "halt", "--jail", argument] + Self.machine)
    #expect(outcome.exitCode == exitCode)
    #expect(outcome.errors.hasPrefix("lkvm: error: --jail"))
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
    #expect(outcome.errors.count { $0.isNewline } == 1)
    #expect(try fixture.homeEntries == [])
  }

  @Test(arguments: [
    (["--sdl"], "use --vnc"), (["-n", "mode=tap,script=/bin/true"], "name it by tapif="),
  ])
  func `options that a jail takes the ground from are refused`(options: [String], message: String) throws {
    let fixture = try LkvmFixture()
    let outcome = try fixture.run(["run", "halt", "--jail", Self.user] + options)
    #expect(outcome.exitCode == 64)
    #expect(outcome.errors.contains(message))
  }

  @Test func `another user than root makes no jail`() throws {
    let fixture = try LkvmFixture()
    let process = Process()
    let errors = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/setpriv")
    process.arguments = [
      "--reuid=65534", "--clear-groups", LkvmProcess.program.path, "run",
      fixture.folder.file("halt"), "--jail", Self.user,
    ]
    process.environment = ["LKVM_HOME": fixture.home]
    process.standardError = errors
    try process.run()
    let text = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 1)
    #expect(text == "lkvm: error: --jail: only root can make a jail; start lkvm as root\n")
  }

  @Test func `the error of a guest that cannot be made in a jail names the option's own path`() throws {
    let fixture = try LkvmFixture()
    for (options, message) in [
      (["-d", "missing"], "--disk: disk missing: No such file or directory"),
      (["--9p", "missing,t"], "--9p: "),
      (["--9p", "fifo,t"], "--9p: "),
      (["-i", "missing"], "--initrd: initrd missing: No such file or directory"),
    ] {
      let outcome = try fixture.run(["run", "halt", "--jail", Self.user] + Self.machine + options)
      #expect(outcome.exitCode == 1)
      #expect(outcome.errors.hasPrefix("lkvm: error: \(message)"), "\(outcome.errors)")
      #expect(outcome.errors.count { $0.isNewline } == 1)
      #expect(try fixture.homeEntries == [])
    }
  }
}
