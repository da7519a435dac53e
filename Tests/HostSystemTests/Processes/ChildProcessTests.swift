import Glibc
import HostSystem
import SystemPackage
import Testing

struct ChildProcessTests {
  private func shell(
    _ script: String, environment: [String: String]? = nil, folder: String? = nil
  ) throws -> (exitCode: Int32, output: String, errors: String) {
    let output = try MemoryFile(name: "output")
    let errors = try MemoryFile(name: "errors")
    var child = try ChildProcess(
      path: "/bin/sh", arguments: ["-c", script], environment: environment, folder: folder,
      output: output.descriptor, errors: errors.descriptor)
    let code = try child.wait()
    return (
      code, String(decoding: try output.contents(), as: UTF8.self),
      String(decoding: try errors.contents(), as: UTF8.self)
    )
  }

  @Test("a child's exit code and both of its outputs are kept, and its input is empty")
  func outputs() throws {
    let run = try shell("cat; echo out; echo err >&2; exit 3")
    #expect(run.exitCode == 3)
    #expect(run.output == "out\n")
    #expect(run.errors == "err\n")
  }

  @Test("a child gets further descriptors as 3, 4 and so on, and one that is let go of outlives its owner")
  func furtherDescriptors() throws {
    let first = try MemoryFile(name: "first")
    let second = try MemoryFile(name: "second")
    let child = try ChildProcess(
      path: "/bin/sh", arguments: ["-c", "sleep 0.2; echo a >&3; echo b >&4; echo c >&5"],
      errors: second.descriptor, descriptors: [first.descriptor, second.descriptor])
    let id = child.id
    child.release()
    // An exit test that looks for its own process must not find this one instead, again and again.
    defer { waitpid(id, nil, 0) }
    for _ in 0..<200 {
      if try first.contents().count > 0, try second.contents().count > 2 { break }
      usleep(20_000)
    }
    #expect(String(decoding: try first.contents(), as: UTF8.self) == "a\n")
    let rest = String(decoding: try second.contents(), as: UTF8.self)
    #expect(rest.hasPrefix("b\n") && rest.contains("5"), "\(rest)")
  }

  @Test("a child behind a gate starts at a byte, takes that byte alone, and ends without one")
  func gate() throws {
    let output = try MemoryFile(name: "output")
    var other: OwnedDescriptor?
    let gate = try DescriptorStream(other: &other)
    var child = try ChildProcess(
      path: "/bin/sh", arguments: ["-c", "echo $A; head -c 1 <&4; exit 5"], environment: ["A": "started"],
      output: output.descriptor, descriptors: [output.descriptor, other?.rawValue ?? -1], gate: 1)
    other = nil
    usleep(50_000)
    #expect(try child.isRunning())
    #expect(try output.contents().isEmpty)
    try gate.send(Array("12".utf8), deadline: HostClock.monotonicNanoseconds() + 1_000_000_000)
    #expect(try child.wait() == 5)
    #expect(String(decoding: try output.contents(), as: UTF8.self) == "started\n2")

    var another: OwnedDescriptor?
    let unused = try DescriptorStream(other: &another)
    var neverStarted = try ChildProcess(
      path: "/bin/sh", arguments: ["-c", "echo no"], output: output.descriptor,
      descriptors: [another?.rawValue ?? -1], gate: 0)
    another = nil
    unused.end()
    #expect(try neverStarted.wait() == 127)
    #expect(String(decoding: try output.contents(), as: UTF8.self) == "started\n2")
  }

  @Test("a child that a signal ends has the exit code 128 plus its number")
  func signalled() throws {
    #expect(try shell("kill -9 $$").exitCode == 137)
  }

  @Test("a child has only the environment and the folder that it was given")
  func surroundings() throws {
    let run = try shell("pwd; echo $A; echo ${HOME-none}", environment: ["A": "1 2"], folder: "/usr/bin")
    #expect(run.output == "/usr/bin\n1 2\nnone\n")
    let descriptors = try shell("cd /proc/self/fd && echo *", folder: "/")
    // 3 is the shell's own, of the folder that it lists.
    #expect(["0 1 2\n", "0 1 2 3\n"].contains(descriptors.output))
  }

  @Test("signals that are blocked here are not blocked in a child")
  func signalMask() throws {
    var blocked = sigset_t()
    var before = sigset_t()
    unsafe sigemptyset(&blocked)
    unsafe sigaddset(&blocked, SIGTERM)
    unsafe pthread_sigmask(SIG_BLOCK, &blocked, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    #expect(try shell("kill -TERM $$; echo survived").exitCode == 128 + SIGTERM)
  }

  @Test("one signal ends a child and its descendants")
  func group() throws {
    let output = try MemoryFile(name: "output")
    var child = try ChildProcess(
      path: "/bin/sh", arguments: ["-c", "sleep 600 & echo $!; wait"], output: output.descriptor)
    var grandchild: Int32?
    while grandchild == nil {
      #expect(try child.isRunning())
      grandchild = Int32(
        String(decoding: try output.contents(), as: UTF8.self).split(separator: "\n").first ?? "")
      usleep(1000)
    }
    child.signal(SIGTERM)
    #expect(try child.wait() == 128 + SIGTERM)
    #expect(child.exitCode == 128 + SIGTERM)
    // A zombie until its new parent asks for it: no longer a process that sleeps.
    var isSleeping = true
    for _ in 0..<1000 where isSleeping {
      isSleeping = try shell("grep -q '(sleep) [RS]' /proc/\(grandchild ?? 0)/stat").exitCode == 0
      usleep(1000)
    }
    #expect(!isSleeping)
  }

  @Test("a child whose owner goes away is killed")
  func abandoned() throws {
    let process = try startAndForget()
    #expect(kill(process, 0) == -1)
  }

  private func startAndForget() throws -> Int32 {
    let child = try ChildProcess(path: "/bin/sleep", arguments: ["600"])
    return child.id
  }

  @Test("a program that is not there, and text with a zero byte, are refused with the kernel's word")
  func refusals() {
    #expect(throws: Errno.noSuchFileOrDirectory) { _ = try ChildProcess(path: "/no/such", arguments: []).id }
    #expect(throws: Errno.invalidArgument) { _ = try ChildProcess(path: "/bin/true", arguments: ["a\0b"]).id }
  }
}
