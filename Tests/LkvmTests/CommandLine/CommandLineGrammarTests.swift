import Testing

@testable import lkvm

/// The grammar of the command line, which is kvmtool's (git's parse-options).
struct CommandLineGrammarTests {
  /// Two ways to type the same.
  @Test(
    arguments: [
      // A value in the same word, or in the next one.
      (["-m512"], ["-m", "512"]), (["--mem=512"], ["-m", "512"]), (["-c2"], ["-c", "2"]),
      (["-kk"], ["-k", "k"]), (["-dimg"], ["-d", "img"]),
      (["-kK", "-dI"], ["--kernel", "K", "--disk", "I"]),
      (["-pa=1"], ["-p", "a=1"]), (["--params=a=1 b"], ["-p", "a=1 b"]),
      (["-nmode=none"], ["-n", "mode=none"]),
      // A value that begins with a dash.
      (["-p", "-- single"], ["--params=-- single"]), (["-p", "--"], ["--params=--"]),
      (["-k", "--rng"], ["--kernel=--rng"]), (["-k", "-"], ["--kernel=-"]),
      // Beginnings of names; a whole name is itself, whatever else begins with it.
      (["--net", "mode=none"], ["--network", "mode=none"]), (["--nam", "foo"], ["--name", "foo"]),
      (["--na=foo"], ["--name", "foo"]), (["--ke", "k"], ["--kernel", "k"]), (["--stats"], ["--stats"]),
      (["--debug-iod", "3"], ["--debug-iodelay", "3"]), (["--par", "x"], ["-p", "x"]),
      (["--huge-"], ["--huge-pages"]),
      (["--bal"], ["--balloon"]), (["--9", "/tmp"], ["--9p", "/tmp"]), (["--no-rn"], ["--no-rng"]),
      // Opposites.
      (["--rng", "--no-rng"], []), (["--no-rng"], []), (["--no-rng", "--rng"], ["--rng"]),
      (["--no-dhcp", "--dhcp"], []), (["--no-dhcp", "--no-no-dhcp"], []),
      (["--nodefaults", "--no-nodefaults"], []),
      (["--no-ioeventfd", "--ioeventfd"], []), (["-m", "5", "--no-mem"], []), (["-d", "x", "--no-disk"], []),
      (["-n", "mode=none", "--no-network"], []), (["--no-vnc"], []), (["--no-firmware"], []),
      (["--dev", "x", "--no-dev"], []),
      // Numbers.
      (["-c", "0x2"], ["-c", "2"]), (["-c", "010"], ["-c", "8"]), (["-c", "0X1f"], ["-c", "31"]),
      (["-c", "+2"], ["-c", "2"]), (["-c", "0"], []), (["-m", "0x200"], ["-m", "512"]),
      (["--tty", "0x1"], ["--tty", "1"]),
      // Values that may be missing.
      (["-n"], ["-n", "mode=tap"]), (["-n", "-k", "k"], ["-n", "mode=tap", "-k", "k"]),
      (["--network", "--rng"], ["-n", "mode=tap", "--rng"]),
      (["-n", "--", "ls"], ["-n", "mode=tap", "--", "ls"]),
      (["--9p", "/tmp"], ["--9p", "/tmp,kvm_9p"]),
      // Options may follow the kernel.
      (["k", "-m", "5"], ["-m", "5", "k"]), (["k", "--rng", "--", "ls"], ["--rng", "k", "--", "ls"]),
      (["--"], []),
    ] as [([String], [String])])
  func `one thing may be said in several ways`(words: [String], others: [String]) throws {
    let (one, other) = (try ParsedCommand.run(words), try ParsedCommand.run(others))
    #expect(one.settings == other.settings)
    #expect(one.kernelFile == other.kernelFile)
    #expect(one.command == other.command)
  }

  @Test func `a word is the kernel, and what follows two dashes is the command`() throws {
    let run = try ParsedCommand.run(["bzImage", "-c", "1", "--", "ls", "-l", "--", "--color"])
    #expect(run.kernelFile == "bzImage")
    #expect(run.settings.machine.cpus == 1)
    #expect(run.command == ["ls", "-l", "--", "--color"])
  }

  @Test(
    arguments: [
      (["--bogus"], "unknown option '--bogus'"), (["--flash-rom", "x"], "unknown option '--flash-rom'"),
      (["-x"], "unknown option '-x'"), (["--=x"], "unknown option '--'"),
      (["--no-bogus"], "unknown option '--no-bogus'"),
      (["--n", "x"], "'--n' is ambiguous: it may be --name, --numa-node, "),
      (["--virtio", "x"], "'--virtio' is ambiguous: it may be --virtio-transport, --virtio-legacy"),
      (
        ["--debug-"], "'--debug-' is ambiguous: it may be --debug-single-step, --debug-ioport, --debug-mmio, "
      ),
      (["--no-d", "x"], "'--no-d' is ambiguous: it may be --no-dhcp, --no-"),
      (["--h"], "'--h' is ambiguous: "),
      (["--flash"], "--flash: a value is missing"), (["-m"], "--mem: a value is missing; wanted SIZE"),
      (["--rng=yes"], "--rng takes no value"), (["--no-kernel=x"], "--no-kernel takes no value"),
      (["a", "b"], "unexpected argument 'b'"),
      (["-k", "a", "b"], "--kernel and a kernel as argument exclude"),
      // The word behind an unknown option is not taken for a kernel.
      (["--flas", "a", "-k", "b", "--bogus", "c"], "unknown option '--bogus'"),
    ] as [([String], String)])
  func `a word that cannot be is refused by its name`(words: [String], message: String) {
    let error = #expect(throws: LkvmFailure.self) { try ParsedCommand.run(words) }
    #expect(error?.description.hasPrefix(message) == true)
    #expect(error?.exitCode == 64)
  }

  @Test(arguments: [
    ["-h"], ["--help"], ["--hel"], ["-k", "k", "--help", "--bogus"], ["--help-all"], ["--help-a"],
  ])
  func `help is found among other words`(words: [String]) throws {
    guard case .help(let request) = try RunGuestCommand.parse(words) else {
      Issue.record("\(words) is no help")
      return
    }
    #expect(request == (words[0].hasPrefix("--help-") ? .all : .usual))
  }

  @Test func `help behind the guest's command belongs to that command`() throws {
    #expect(try ParsedCommand.run(["--", "ls", "--help"]).command == ["ls", "--help"])
    #expect(try ParsedCommand.make(SandboxCommand.self, ["ls", "--help"]).command == ["ls", "--help"])
  }

  @Test(
    arguments: [
      ("0", 0), ("7", 7), ("-7", -7), ("+7", 7), ("0x1F", 31), ("-0x10", -16), ("017", 15),
      ("9223372036854775807", .max),
      ("", nil), ("-", nil), ("0x", nil), ("0xg", nil), ("08", nil), ("1 ", nil), ("--1", nil), ("+-1", nil),
      ("1.5", nil),
      ("9223372036854775808", nil), ("-9223372036854775808", nil), ("0x+5", nil), ("８", nil), ("x", nil),
    ] as [(String, Int?)])
  func `numbers are decimal, hexadecimal or octal`(text: String, number: Int?) {
    #expect(OptionNumber.parse(text) == number)
  }
}
