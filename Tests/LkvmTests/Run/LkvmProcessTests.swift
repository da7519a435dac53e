import Foundation
import Testing

/// The built program as a user's shell sees it, as far as it gets without /dev/kvm.
struct LkvmProcessTests {
  @Test(
    arguments: [
      (["bogus"], 64, "'bogus' is not a command"), (["--bogus"], 64, "unknown option '--bogus'"),
      (["help", "bogus"], 64, "'bogus' is not a command"),
      (["--generate-completion-script", "csh"], 64, "wanted bash, zsh or fish"),
      (["run", "-c", "99999999999999999999"], 64, "--cpus 99999999999999999999"),
      (["run", "--firmware", "missing"], 1, "--firmware: firmware missing: No such file or directory"),
      (["run", "-f", "empty"], 1, "--firmware: firmware empty: the file is empty"),
      (["run", "-f", "fifo"], 1, "--firmware: firmware fifo: not a regular file"),
      (["run", "-f", "noise"], 1, "--firmware: firmware noise: 5000 bytes are not a multiple of 4096"),
      (["run", "-f", "noise", "-k", "halt"], 64, "--firmware noise: a kernel is started without firmware"),
      (["run", "-f", "noise", "-i", "halt"], 64, "--firmware noise: --initrd is for a Linux kernel"),
      (["run", "-f", "noise", "-p", "quiet"], 64, "--firmware noise: --params is for a Linux kernel"),
      (["run", "-f", "noise", "--", "true"], 64, "--firmware noise: a command is for a Linux kernel"),
      (["run", "noise", "-p", "quiet"], 64, "noise, a flat binary: --params is for a Linux kernel"),
      (["run", "missing"], 1, "--kernel: kernel missing: No such file or directory"),
      (["run", "-k", "empty"], 1, "--kernel: kernel empty: the file is empty"),
      (["run", "-k", "fifo"], 1, "--kernel: kernel fifo: not a regular file"),
      (["run", "-k", "prose"], 1, "--kernel: kernel prose: not a kernel"),
      (["run", "-k", "arm64"], 1, "--kernel: kernel arm64: a kernel for ARM64"),
      (["run", "-k", "truncated"], 1, "--kernel: kernel truncated: truncated"),
      (["run", "-k", "a\nb"], 1, "--kernel: kernel a b: No such file or directory"),
      (["run", "-k", "halt", "-n", "foo=1"], 64, "--network foo=1: unknown key 'foo'"),
      (["run", "-k", "halt", "--9p", "dir,t", "--9p", "dir,t"], 64, "--9p: the tag 't' is used twice"),
      (["run", "-k", "halt", "--sandbox", "missing"], 1, "--sandbox missing: No such file or directory"),
      (["run", "-k", "halt", "--sandbox", "fifo"], 1, "--sandbox fifo: "),
      (["run", "-k", "halt", "--name", "a/b"], 64, "--name a/b: a name has no slash"),
      (["run", "-k", "halt", "--vnc", "--sdl"], 64, "--sdl and --vnc exclude each other"),
      (["run", "-k", "halt", "--numa-node", "1023", "--nodefaults"], 1, "the host has no NUMA node 1023"),
      (
        ["run", "-k", "halt", "-p", String(repeating: "x ", count: 1030)], 64,
        "2060 bytes, but the kernel takes 2047"
      ),
      (["run", "-k", "halt", "--dev", "/none/kvm", "--nodefaults"], 1, "--dev: /none/kvm does not exist"),
      (
        ["run", "-k", "halt", "--dev", "/dev/null", "--nodefaults"], 1,
        "--dev: /dev/null is not KVM's device file"
      ),
      (["run", "-k", "halt", "--dev", "fifo", "--nodefaults"], 1, "--dev: fifo is not KVM's device file"),
      (["run", "-k", "halt", "-n", "mode=tap,fd=99"], 1, "--network: "),
      (["run", "-k", "halt", "--stats-file", "none/x"], 1, "--stats-file none/x: No such file or directory"),
      (["run", "-k", "halt", "--stats-file", "dir"], 1, "--stats-file dir: Is a directory"),
      (["sandbox"], 64, "name a command"), (["setup", "a/b"], 64, "a/b"),
      (["stop"], 64, "--name"), (["stop", "-n", "nobody"], 1, "no machine named 'nobody' runs"),
      (["stat", "-n", "../x"], 64, "--name ../x: a name"), (["list", "x"], 64, "unexpected argument 'x'"),
    ] as [([String], Int32, String)])
  func `bad input gets one line that names the option, and leaves nothing behind`(
    arguments: [String], exitCode: Int32, message: String
  ) throws {
    let fixture = try LkvmFixture()
    let outcome = try fixture.run(arguments)
    #expect(outcome.exitCode == exitCode)
    #expect(outcome.errors.hasPrefix("lkvm: error: "))
    #expect(outcome.errors.contains(message))
    #expect(outcome.errors.count { $0.isNewline } == 1)
    #expect(outcome.output.isEmpty)
    #expect(try fixture.homeEntries.filter { $0.hasSuffix(".sock") } == [])
    if exitCode == 64 { #expect(try fixture.homeEntries == []) }
  }

  @Test(
    arguments: [
      ["--pin", "x"], ["-n", "foo=1"], ["-m", "x"], ["-c", "1", "--pin", "0,1"], ["--tty", "9"],
    ])
  func `a wrong value makes no statistics file`(arguments: [String]) throws {
    let fixture = try LkvmFixture()
    let before = try fixture.folder.entries
    #expect(try fixture.run(["run", "halt", "--stats-file", "f"] + arguments).exitCode == 64)
    #expect(try fixture.folder.entries == before)
  }

  /// kvmtool's parser takes each of these lines. Where a guest would run, KVM's device file is not a device, which is exit code 1.
  @Test(
    arguments: [
      (["-k", "halt", "-m512"], []), (["-k", "halt", "-c2"], []), (["-khalt", "-ddisk.img"], []),
      (["-k", "halt", "--net", "mode=none"], []), (["-k", "halt", "--nam", "foo"], []),
      (["-k", "halt", "--no-rng"], []), (["-k", "halt", "-c", "0x2"], []), (["-k", "halt", "-c", "0"], []),
      (["-k", "halt", "--9p", "dir"], []), (["-k", "halt", "-p", "-- single"], []),
      (["-k", "halt", "-p", "a=1", "-p", "b=2"], []), (["-k", "halt", "-m", "40000001B"], []),
      (["-k", "halt", "--virtio-legacy"], []), (["halt", "--initr", "disk.img", "--bal", "--rng"], []),
      (["-f", "firmware"], []), (["--firmware=firmware", "-d", "disk.img"], []),
      (["flat"], ["flat: no kernel; it starts as a flat real-mode binary"]),
      (["-k", "halt", "-c", "300"], ["--cpus 300: "]),
      (["-k", "halt", "-m", "1T"], ["--mem: 1048576 MiB is more"]),
      (["-k", "halt", "--console", "hv"], ["--console hv: "]), (["-k", "halt", "-F", "x"], ["--flash x: "]),
      (
        ["-k", "halt", "-n", "mode=user,script=none"], ["--network mode=user,script=none: script is ignored"]
      ),
      (
        ["-k", "halt", "-n", "mode=user,mq=2,fd=9"],
        ["--network mode=user,mq=2,fd=9: fd ", "--network mode=user,mq"]
      ),
    ] as [([String], [String])])
  func `a command line of kvmtool's gets as far as KVM`(words: [String], warnings: [String]) throws {
    let outcome = try LkvmFixture().run(["run"] + words + ["--dev", "/dev/null", "--nodefaults"])
    #expect(outcome.exitCode == 1)
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count == warnings.count + 1)
    for (line, warning) in zip(lines, warnings) { #expect(line.hasPrefix("lkvm: warning: \(warning)")) }
    #expect(lines.last?.hasPrefix("lkvm: error: --dev: ") == true)
    #expect(outcome.output.isEmpty)
  }

  @Test(
    arguments: [
      (["-n"], "--network: "), (["-n", "-m", "32"], "--network: "),
      (["-n", "mode=tap,mq=16"], "--network: "),
    ] as [([String], String)])
  func `a card without a mode is a tap`(words: [String], message: String) throws {
    // A host that has no tap, or no right to make one, says so; one that makes it goes on to KVM's device file.
    let outcome = try LkvmFixture().run(["run", "halt", "--dev", "/dev/null", "--nodefaults"] + words)
    #expect(outcome.exitCode == 1)
    #expect(outcome.errors.contains("error: \(message)") || outcome.errors.contains("error: --dev: "))
  }

  @Test func `an error names the guest's root, and only options that were given`() throws {
    let fixture = try LkvmFixture()
    #expect(try fixture.run(["setup", "web"]).exitCode == 0)
    try Data("precious".utf8).write(to: URL(filePath: "\(fixture.home)/web.sock"))
    let outcome = try fixture.run(["run", "halt", "-d", "web", "--dev", "/dev/null", "-n", "mode=none"])
    #expect(outcome.exitCode == 1)
    #expect(outcome.errors == "lkvm: error: \(fixture.home)/web.sock is not a socket; remove it\n")
  }

  @Test(arguments: [["run"], ["list"], ["stop", "-a"], ["setup", "x"]])
  func `a missing home, or one that is a file, is reported`(arguments: [String]) throws {
    let fixture = try LkvmFixture()
    let none = try fixture.run(arguments, environment: ["LKVM_HOME": "", "HOME": ""])
    #expect(none.exitCode == 1)
    #expect(none.errors == "lkvm: error: neither LKVM_HOME nor HOME is set\n")
    let file = try fixture.run(
      arguments + (arguments == ["run"] ? ["halt"] : []), environment: ["LKVM_HOME": "noise"])
    #expect(file.exitCode == 1)
    #expect(file.errors.hasPrefix("lkvm: error: noise"))
    #expect(file.errors.count { $0.isNewline } == 1)
    #expect(file.output.isEmpty)
  }

  @Test(arguments: ["reg", "dir"])
  func `a file in place of the socket is kept`(name: String) throws {
    let fixture = try LkvmFixture()
    try FileManager.default.createDirectory(atPath: fixture.home, withIntermediateDirectories: false)
    let path = "\(fixture.home)/\(name).sock"
    if name == "dir" {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    } else {
      try Data("precious".utf8).write(to: URL(filePath: path))
    }
    let outcome = try fixture.run(["run", "-k", "halt", "--nodefaults", "--name", name])
    #expect(outcome.exitCode == 1)
    #expect(outcome.errors == "lkvm: error: --name: \(path) is not a socket; remove it\n")
    #expect(try fixture.run(["list"]).exitCode == 0)
    #expect(try fixture.homeEntries == ["\(name).sock"])
  }

  @Test func `a root is made once`() throws {
    let fixture = try LkvmFixture()
    #expect(try fixture.run(["setup", "web"]).exitCode == 0)
    let again = try fixture.run(["setup", "web"])
    #expect(again.exitCode == 1)
    #expect(again.errors.contains("already exists"))
    #expect(try fixture.run(["list", "-r"]).output.contains("web"))
  }

  @Test func `output that cannot be written is a failure`() throws {
    let fixture = try LkvmFixture()
    let process = Process()
    process.executableURL = LkvmProcess.program
    process.arguments = ["list"]
    process.environment = ["LKVM_HOME": fixture.home]
    process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 1)
  }

  @Test(arguments: [
    [], ["help"], ["-h"], ["--help"], ["run", "--help"], ["run", "-h"], ["run", "--help-all"], ["version"],
    ["--version"], ["help", "balloon"], ["stop", "-h"], ["debug", "-s", "help"], ["--generate-manual"],
    ["--generate-completion-script", "bash"],
  ])
  func `help and version end with 0`(arguments: [String]) throws {
    let outcome = try LkvmFixture().run(arguments)
    #expect(outcome.exitCode == 0)
    #expect(!outcome.output.isEmpty)
    #expect(outcome.errors.isEmpty)
  }
}
