import Foundation
import Testing

/// The built program as a user's shell sees it, as far as it gets without /dev/kvm.
struct LkvmProcessTests {
  @Test(
    arguments: [
      (["bogus"], 64, "Unexpected argument 'bogus'"),
      (["run", "-m", "1B"], 64, "--mem: 1 bytes are not a multiple"),
      (["run", "-c", "9223372036854775807"], 64, "--cpus 9223372036854775807"),
      (["run", "--firmware", "x"], 64, "--firmware is not supported yet"),
      (["run", "missing"], 1, "--kernel: kernel missing: No such file or directory"),
      (["run", "-k", "empty"], 1, "--kernel: kernel empty: the file is empty"),
      (["run", "-k", "fifo"], 1, "--kernel: kernel fifo: not a regular file"),
      (["run", "-k", "noise"], 1, "--kernel: kernel noise: not a kernel"),
      (["run", "-k", "arm64"], 1, "--kernel: kernel arm64: a kernel for ARM64"),
      (["run", "-k", "truncated"], 1, "--kernel: kernel truncated: truncated"),
      (["run", "-k", "a\nb"], 1, "--kernel: kernel a b: No such file or directory"),
      (["run", "-k", "halt", "-n", "foo=1"], 64, "--network foo=1: unknown key 'foo'"),
      (["run", "-k", "halt", "--9p", "dir,t", "--9p", "dir,t"], 64, "--9p: the tag 't' is used twice"),
      (["run", "-k", "halt", "--sandbox", "missing"], 1, "--sandbox missing: No such file or directory"),
      (["run", "-k", "halt", "--sandbox", "fifo"], 1, "--sandbox fifo: "),
      (["run", "-k", "halt", "--name", "a/b", "--nodefaults"], 1, "--name: 'a/b' is no name"),
      (["run", "-k", "halt", "--dev", "/none/kvm", "--nodefaults"], 1, "--dev: /none/kvm does not exist"),
      (
        ["run", "-k", "halt", "--dev", "/dev/null", "--nodefaults"], 1,
        "--dev: /dev/null is not KVM's device file"
      ),
      (["run", "-k", "halt", "--dev", "fifo", "--nodefaults"], 1, "--dev: fifo is not KVM's device file"),
      (["run", "-k", "halt", "-n", "mode=tap,fd=99"], 1, "--network: "),
      (["run", "-k", "halt", "--stats-file", "none/x"], 1, "--stats-file none/x: No such file or directory"),
      (["run", "-k", "halt", "--stats-file", "dir"], 1, "--stats-file dir: Is a directory"),
      (["sandbox"], 64, "name a command"), (["setup", "a/b"], 1, "a/b"),
      (["stop"], 64, "--name"), (["stop", "-n", "nobody"], 1, "no machine named 'nobody' runs"),
      (["stat", "-n", "../x"], 1, "'../x' is no name"), (["list", "x"], 64, "Unexpected argument 'x'"),
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
  }

  @Test(arguments: [["run"], ["list"], ["stop", "-a"], ["setup", "x"]])
  func `a home that nobody names or that is a file is said`(arguments: [String]) throws {
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
  func `what is no socket in the socket's place stays`(name: String) throws {
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
    #expect(outcome.errors == "lkvm: error: --name: \(path) is in the way: it is no socket\n")
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
    let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let process = Process()
    process.executableURL = program.appending(path: "lkvm")
    process.arguments = ["list"]
    process.environment = ["LKVM_HOME": fixture.home]
    process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 1)
  }

  @Test(arguments: [["help"], ["run", "--help"], ["version"], ["--version"], ["help", "balloon"]])
  func `help and version are no errors`(arguments: [String]) throws {
    let outcome = try LkvmFixture().run(arguments)
    #expect(outcome.exitCode == 0)
    #expect(!outcome.output.isEmpty)
    #expect(outcome.errors.isEmpty)
  }
}
