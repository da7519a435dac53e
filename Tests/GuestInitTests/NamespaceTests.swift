import Testing

@Suite(
  "The second stage in namespaces",
  .enabled(if: NamespaceGuest.isPossible, "needs root, unshare and setpriv"))
struct NamespaceTests {
  private let guest: NamespaceGuest

  init() throws { guest = try NamespaceGuest() }

  private func records(_ texts: [String]) -> String { texts.map { "\($0)\0" }.joined() }

  private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
    try guest.run(["command": records(arguments)])
  }

  @Test(arguments: [0, 1, 42, 255])
  func `the guest ends with the command's exit status`(status: Int32) throws {
    #expect(try run(["sh", "-c", "exit \(status)"]).status == status)
  }

  @Test func `a command that a signal ends has 128 and the signal's number`() throws {
    #expect(try run(["sh", "-c", "kill -9 $$"]).status == 137)
  }

  @Test func `every argument arrives byte by byte`() throws {
    let arguments = [
      "", "a b", "\"'$HOME`\\", "line\nline\t", "äöü \u{1F600}", String(repeating: "x", count: 100_000),
    ]
    let result = try run(["sh", "-c", #"printf '%s\0' "$@" > /root/arguments"#, "name"] + arguments)
    #expect(result.status == 0, "\(result.output)")
    #expect(guest.contents("/root/arguments") == records(arguments))
  }

  @Test func `a missing command gives 127, a command that is not a program 126`() throws {
    let missing = try run(["no-such-command"])
    #expect(missing.status == 127)
    #expect(missing.output.contains("cannot run no-such-command"))
    #expect(try run(["/no/such/file"]).status == 127)
    #expect(try run(["/etc/passwd"]).status == 126)
    #expect(try run([""]).status == 127)
  }

  @Test func `a script without an interpreter's name goes to the shell`() throws {
    try guest.write("/root/script", "exit $(($1 + 1))", permissions: 0o755)
    #expect(try run(["/root/script", "6"]).status == 7)
  }

  @Test func `lkvm's script runs with the command as its arguments`() throws {
    let result = try guest.run(["script": "#!/bin/sh\nexit $#", "command": records(["a", "b c"])])
    #expect(result.status == 2, "\(result.output)")
  }

  @Test func `kvmtool's sandbox script runs if lkvm passed nothing`() throws {
    try guest.write("/virt/sandbox.sh", "#!/bin/sh\nexit 9", permissions: 0o755)
    #expect(try guest.run([:]).status == 9)
  }

  @Test func `the environment has what was passed, and defaults for the rest`() throws {
    let result = try guest.run([
      "command": records(["sh", "-c", "env > /root/environment"]),
      "environment": records(["TERM=x", "A=b c"]),
    ])
    #expect(result.status == 0)
    let lines = Set((guest.contents("/root/environment") ?? "").split(separator: "\n").map(String.init))
    #expect(lines.isSuperset(of: ["TERM=x", "A=b c", "HOME=/root", "USER=root"]))
    #expect(lines.contains { $0.hasPrefix("PATH=/usr/local/sbin:") })
  }

  @Test(arguments: [("/etc", "/etc"), ("/usr/share", "/host/usr/share"), ("/no/such", "/")])
  func `the command starts in its directory, or where the host's is`(wanted: String, actual: String) throws {
    // A link leads to the place among the host's files.
    let result = try guest.run([
      "command": records(["sh", "-c", "pwd -P > /root/directory"]), "directory": wanted,
    ])
    #expect(result.status == 0)
    #expect(guest.contents("/root/directory") == "\(actual)\n")
  }

  @Test func `orphans are taken care of, and processes that stay behind are ended`() throws {
    let result = try run(["sh", "-c", "(sleep 0.1 &); (trap '' TERM; sleep 100) & sleep 0.3; exit 3"])
    #expect(result.status == 3)
  }

  @Test func `file systems are mounted, the host name is set and lo is up`() throws {
    let command = "mount > /root/mounts; hostname > /root/name; cat /sys/class/net/lo/flags > /root/flags"
    #expect(try run(["sh", "-c", command]).status == 0)
    let mounts = guest.contents("/root/mounts") ?? ""
    for path in ["/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/tmp", "/run"] {
      #expect(mounts.contains(" on \(path) type "), "\(path)")
    }
    #expect(guest.contents("/root/name") == "ns\n")
    #expect(guest.contents("/root/flags") == "0x9\n")
  }

  @Test func `an invalid address is reported, and the command runs`() throws {
    let result = try guest.run(
      ["command": records(["true"])], parameters: "lkvm.host=none lkvm.net=1.2.3,x")
    #expect(result.status == 0)
    #expect(result.output.contains("not ADDRESS/PREFIX,GATEWAY,DNS: lkvm.net=1.2.3,x"))
  }

  @Test func `the status is not lost silently where ports cannot be written`() throws {
    let result = try guest.run(
      ["command": records(["sh", "-c", "exit 5"])], parameters: "lkvm.host=none lkvm.exit=244")
    #expect(result.status == 5)
    #expect(result.output.contains("the exit status is lost"))
  }

  @Test func `the command's input comes through a pipe, byte by byte, and ends`() throws {
    // "a", Ctrl-O, DLE, Ctrl-D and Ctrl-C, as the console carries them, and the end.
    let coded: [UInt8] = [0x61, 0x10, 0x4F, 0x10, 0x50, 0x04, 0x03, 0x10, 0x44]
    let result = try guest.run(
      ["command": records(["sh", "-c", "[ -p /dev/stdin ] && cat > /root/input"])],
      parameters: "lkvm.host=none lkvm.input=pipe", input: coded)
    #expect(result.status == 0)
    #expect(guest.contents("/root/input").map { Array($0.utf8) } == [0x61, 0x0F, 0x10, 0x04, 0x03])
  }

  @Test func `a command that does not read its input ends with its own status`() throws {
    let result = try guest.run(
      ["command": records(["sh", "-c", "exit 7"])], parameters: "lkvm.host=none lkvm.input=pipe",
      input: [UInt8](repeating: 0x61, count: 10_000) + [0x10, 0x44])
    #expect(result.status == 7)
  }
}
