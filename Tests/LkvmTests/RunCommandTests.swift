import ArgumentParser
import Logging
import Testing

@testable import lkvm

/// The command line of `lkvm run`, as far as options go.
struct RunCommandTests {
  @Test func `without arguments everything is left to its default`() throws {
    let run = try RunGuestCommand.parse([])
    #expect(run.kernelFile == nil)
    #expect(run.command.isEmpty)
    #expect(run.options.machine.mem == nil)
    #expect(run.options.machine.cpus == nil)
    #expect(run.options.devices.console == .serial)
    #expect(run.options.devices.virtioTransport == .pci)
    #expect(run.options.devices.ioEngine == .libaio)
    #expect(run.options.devices.dev == "/dev/kvm")
    #expect(run.options.settings.debugging.level == .warning)
  }

  @Test(
    arguments: [("libaio", .libaio), ("io_uring", .ioUring), ("sync", .sync)] as [(String, IOEngineOption)])
  func `an engine is known by its name`(name: String, engine: IOEngineOption) throws {
    #expect(try RunGuestCommand.parse(["--io-engine", name]).options.devices.ioEngine == engine)
  }

  @Test func `a word is the kernel`() throws {
    let run = try RunGuestCommand.parse(["-m", "64", "bzImage"])
    #expect(run.kernelFile == "bzImage")
    #expect(run.options.machine.mem == MemorySize(byteCount: 64 << 20))
    #expect(run.command.isEmpty)
  }

  @Test func `what follows two dashes is the command, options and all`() throws {
    let run = try RunGuestCommand.parse(["-c", "1", "--", "ls", "-l", "--color"])
    #expect(run.kernelFile == nil)
    #expect(run.command == ["ls", "-l", "--color"])
    #expect(run.options.machine.cpus == 1)
  }

  @Test func `kernel and command go together`() throws {
    let run = try RunGuestCommand.parse(["bzImage", "--", "true"])
    #expect(run.kernelFile == "bzImage")
    #expect(run.command == ["true"])
  }

  @Test func `short options are kvmtool's`() throws {
    let run = try RunGuestCommand.parse([
      "-k", "k", "-i", "i", "-p", "quiet", "-p", "x=1", "-c", "3", "-m", "1G", "-d", "a.img", "-d",
      "b.img,ro",
      "-n", "mode=none", "--9p", "/srv,srv",
    ])
    #expect(run.options.kernel.kernel == "k")
    #expect(run.options.kernel.initrd == "i")
    #expect(run.options.kernel.params == ["quiet", "x=1"])
    #expect(run.options.machine.cpus == 3)
    #expect(run.options.machine.mem?.byteCount == 1 << 30)
    #expect(run.options.devices.disk.map(\.path) == ["a.img", "b.img"])
    #expect(run.options.devices.disk.map(\.isReadOnly) == [false, true])
    #expect(run.options.devices.network == ["mode=none"])
    #expect(run.options.devices.shares.map(\.tag) == ["srv"])
  }

  @Test func `debugging options decide what is logged`() throws {
    #expect(try RunGuestCommand.parse(["--debug"]).options.settings.debugging.level == .debug)
    #expect(try RunGuestCommand.parse(["--debug-ioport"]).options.settings.debugging.level == .info)
    #expect(try RunGuestCommand.parse(["--loglevel", "error"]).options.settings.debugging.level == .error)
    #expect(
      try RunGuestCommand.parse(["--loglevel", "error", "--debug"]).options.settings.debugging.level == .debug
    )
  }

  @Test(
    arguments: [
      (["--firmware", "x"], "--firmware is not supported yet"),
      (["-f", "x"], "--firmware is not supported yet"),
      (["--vsock", "3"], "--vsock is not supported yet"), (["--vnc"], "--vnc is not supported yet"),
      (["--sdl"], "--sdl is not supported yet"), (["--hugetlbfs", "/x"], "--hugetlbfs is not supported yet"),
      (["--shmem", "x"], "--shmem is not supported yet"),
      (["--vfio-pci", "0:0.0"], "--vfio-pci is not supported yet"),
      (["--vidmode", "3"], "--vidmode is not supported yet"),
      (["-m", "0"], "--mem 0"), (["-m", "x"], "'x' is invalid for '-m"),
      (["--mem=-1"], "'-1' is invalid for '--mem"),
      (["--cpus", "0"], "--cpus 0: a guest has 1 to 254 vCPUs"), (["--cpus=-1"], "--cpus -1"),
      (["--cpus", "255"], "--cpus 255"), (["-c", "9223372036854775807"], "--cpus 9223372036854775807"),
      (["-c", "99999999999999999999"], "'99999999999999999999' is invalid for '-c"),
      (["--numa-node=-1"], "--numa-node -1"), (["--tty", "4"], "--tty 4: there are serial ports 0 to 3"),
      (["--disk-queues", "0"], "--disk-queues 0"), (["--disk-queues", "65"], "--disk-queues 65"),
      (["--debug-iodelay", "10001"], "--debug-iodelay 10001"),
      (["--console", "x"], "'x' is invalid for '--console"),
      (["--virtio-transport", "mmio"], "'mmio' is invalid for '--virtio-transport"),
      (["--io-engine", "x"], "'x' is invalid for '--io-engine"),
      (["--loglevel", "x"], "'x' is invalid for '--loglevel"),
      (["-d", "scsi:1234"], "--disk scsi:1234: scsi is not supported yet"),
      (["-d", "a,b"], "'a,b' is invalid for '-d"), (["--9p", "a"], "'a' is invalid for '--9p"),
      (["--vext", "a,queues=0"], "'a,queues=0' is invalid for '--vext"), (["-m"], "Missing value for '-m"),
      (["--bogus"], "Unknown option '--bogus'"), (["a", "b"], "Unexpected argument 'b'"),
      (["-k", "a", "b"], "--kernel and a kernel as argument exclude each other"),
    ] as [([String], String)])
  func `what cannot be is refused by the name of its option`(arguments: [String], message: String) {
    let error = #expect(throws: (any Error).self) { try RunGuestCommand.parse(arguments) }
    if let error {
      #expect(RunGuestCommand.message(for: error).contains(message))
      #expect(RunGuestCommand.exitCode(for: error) == .validationFailure)
    }
  }

  @Test(
    arguments: [
      [], ["bzImage"], ["-k", "k", "-i", "i", "-p", "quiet", "-p", "x=1", "-c", "3", "-m", "1G"],
      [
        "--kernel", "k", "--initrd", "i", "--params", "a b", "--cpus", "254", "--mem", "4096K", "--name", "n",
      ],
      [
        "-d", "a.img", "--disk", "b.img,ro,direct", "-n", "mode=none", "--network", "mode=user", "--9p",
        "/s,t,ro",
      ],
      [
        "--9p", "/srv,srv", "--rng", "--balloon", "--huge-pages", "--nodefaults", "--stats", "--stats-file",
        "f",
      ],
      ["bzImage", "--", "ls", "-l", "--", "--color"], ["-c", "1", "--"], ["-m", "64", "bzImage", "--stats"],
      ["--", "true"], ["-c", "+2"],
    ] as [[String]])
  func `the usual command lines are read as the parser reads them`(arguments: [String]) throws {
    let parsed = try RunGuestCommand.parse(arguments)
    let quick = try #require(QuickRunLine(["run"] + arguments))
    #expect(quick.settings == parsed.options.settings)
    #expect(quick.kernelFile == parsed.kernelFile)
    #expect(quick.command == parsed.command)
  }

  @Test(
    arguments: [
      [], ["list"], ["sandbox", "--", "true"], ["run", "--help"], ["run", "-h"], ["run", "-m"],
      ["run", "-m", "0"],
      ["run", "-m", "x"], ["run", "-c", "0"], ["run", "-c", "255"], ["run", "-k", "-x"], ["run", "a", "b"],
      ["run", "-k", "a", "b"], ["run", "-k", "a", "-k", "b"], ["run", "--rng", "--rng"],
      ["run", "-d", "a,b"],
      ["run", "-d", "scsi:1"], ["run", "--9p", "a"], ["run", "--mem=1G"], ["run", "-m1G"], ["run", ""],
      ["run", "-p", ""], ["run", "--vnc"], ["run", "--bogus"], ["run", "-"], ["run", "--dev", "x"],
      ["--generate-completion-script", "bash"], ["help", "run"], ["run", "--version"],
    ] as [[String]])
  func `whatever is unusual is left to the parser`(arguments: [String]) {
    #expect(QuickRunLine(arguments) == nil)
  }

  @Test func `a sandbox has a command or a script`() throws {
    #expect(try SandboxCommand.parse(["--", "true"]).command == ["true"])
    #expect(try SandboxCommand.parse(["--sandbox", "x.sh"]).options.kernel.sandbox == "x.sh")
    #expect(throws: (any Error).self) { try SandboxCommand.parse([]) }
    #expect(throws: (any Error).self) { try SandboxCommand.parse(["true"]) }
  }
}
