import Hypervisor
import Logging
import Testing

@testable import lkvm

/// What the options of `lkvm run` mean.
struct RunCommandTests {
  @Test func `without arguments everything is left to its default`() throws {
    let run = try ParsedCommand.run([])
    #expect(run.kernelFile == nil)
    #expect(run.command.isEmpty)
    #expect(run.settings == RunSettings())
    #expect(run.settings.devices.dev == "/dev/kvm")
    #expect(run.settings.debugging.level == .warning)
  }

  @Test(
    arguments: [("libaio", .libaio), ("io_uring", .ioUring), ("sync", .sync)] as [(String, IOEngineOption)])
  func `an engine is known by its name`(name: String, engine: IOEngineOption) throws {
    #expect(try ParsedCommand.run(["--io-engine", name]).settings.devices.ioEngine == engine)
  }

  @Test func `short options are kvmtool's`() throws {
    let run = try ParsedCommand.run([
      "-k", "k", "-i", "i", "-p", "quiet", "-p", "x=1", "-c", "3", "-m", "1G", "-d", "a.img", "-d",
      "b.img,ro", "-n", "mode=none", "--9p", "/srv,srv",
    ])
    #expect(run.settings.kernel.kernel == "k")
    #expect(run.settings.kernel.initrd == "i")
    #expect(run.settings.kernel.params == ["quiet", "x=1"])
    #expect(run.settings.machine.cpus == 3)
    #expect(run.settings.machine.mem?.byteCount == 1 << 30)
    #expect(run.settings.devices.disk.map(\.path) == ["a.img", "b.img"])
    #expect(run.settings.devices.disk.map(\.isReadOnly) == [false, true])
    #expect(run.settings.devices.network.map(\.mode) == [.none])
    #expect(run.settings.devices.shares.map(\.tag) == ["srv"])
  }

  @Test func `debugging options decide what is logged`() throws {
    func level(_ words: [String]) throws -> Logger.Level {
      try ParsedCommand.run(words).settings.debugging.level
    }
    #expect(try level(["--debug"]) == .debug)
    #expect(try level(["--debug-ioport"]) == .info)
    #expect(try level(["--loglevel", "error"]) == .error)
    #expect(try level(["--loglevel", "error", "--debug"]) == .debug)
    #expect(try level(["--debug", "--no-debug"]) == .warning)
  }

  @Test func `the last of two values counts, and lists keep all`() throws {
    #expect(try ParsedCommand.run(["-m", "1", "-m2"]).settings.machine.mem?.byteCount == 2 << 20)
    #expect(try ParsedCommand.run(["-p", "a=1", "-p", "b=2"]).settings.kernel.params == ["a=1", "b=2"])
    #expect(try ParsedCommand.run(["--no-params", "-p", "b=2"]).settings.kernel.params == ["b=2"])
  }

  @Test func `options without effect on a PC cause a warning`() throws {
    let flash = try ParsedCommand.run(["-F", "x"]).settings
    #expect(flash.warnings == ["--flash x: ignored, as kvmtool does for a PC"])
    let console = try ParsedCommand.run(["--console", "hv"]).settings
    #expect(console.devices.console == .serial)
    #expect(console.warnings == ["--console hv: a PC has no such console; the guest's is serial"])
  }

  @Test(
    arguments: [
      (["--virtio-legacy"], .pciLegacy), (["--virtio-transport", "pci-legacy"], .pciLegacy),
      (["--virtio-legacy", "--virtio-transport=pci"], .pci), (["--no-virtio-legacy"], .pci),
    ] as [([String], VirtioTransportOption)])
  func `the interface of virtio devices has two options`(
    words: [String], transport: VirtioTransportOption
  ) throws {
    #expect(try ParsedCommand.run(words).settings.devices.virtioTransport == transport)
  }

  @Test(
    arguments: [
      ("scsi:naa.600140554cf3a18e", "naa.600140554cf3a18e"), ("scsi:naa.6001:1", "naa.6001"),
      ("scsi:iqn.2003-01.org.linux:x:2", "iqn.2003-01.org.linux:x:2"), ("scsi:fc.1", "fc.1"),
    ])
  func `a target of the host's SCSI stack is a disk with kvmtool's word`(text: String, name: String) throws {
    let devices = try ParsedCommand.run(["-d", "a.img", "-d", text]).settings.devices
    #expect(devices.scsi.map(\.name) == [name])
    #expect(devices.disk.map(\.path) == ["a.img"])
    #expect(try ParsedCommand.run(["-d", text, "--no-disk"]).settings.devices.scsi.isEmpty)
  }

  @Test(
    arguments: [
      ([], nil), (["--vsock", "3"], 3), (["--vsock=0x10"], 16), (["--vsock", "4294967294"], 4_294_967_294),
      (["--vsock", "3", "--no-vsock"], nil),
    ] as [([String], UInt32?)])
  func `a context ID is one that a guest may have`(words: [String], contextID: UInt32?) throws {
    #expect(try ParsedCommand.run(words).settings.devices.vsock == contextID)
  }

  @Test(
    arguments: [
      (["--firmware", "x", "-k", "y"], "--firmware x: a kernel is started without firmware"),
      (["-fx", "y"], "--firmware x: a kernel is started without firmware"),
      (["-fx", "--sandbox", "y"], "--firmware x: --sandbox is for a Linux kernel"),
      (["-fx", "--vnc"], "--firmware x: --vnc is for a Linux kernel"),
      (["--vsock", "0"], "--vsock 0: wanted a number from 3 to 4294967294"),
      (["--vsock", "2"], "--vsock 2: wanted a number from 3 to 4294967294"),
      (["--vsock", "0xffffffff"], "--vsock 0xffffffff: wanted a number from 3 to 4294967294"),
      (["--vsock=-1"], "--vsock -1: wanted a number"), (["--vsock", "x"], "--vsock x: wanted a number"),
      (["--vnc=x"], "--vnc x: wanted HOST, HOST:PORT or :DISPLAY"),
      (["--vnc="], "--vnc : wanted HOST"), (["--vnc=:100"], "--vnc :100: wanted HOST"),
      (["--vnc=:-1"], "--vnc :-1: wanted HOST"), (["--vnc=:"], "--vnc :: wanted HOST"),
      (["--vnc=1.2.3.4:65536"], "--vnc 1.2.3.4:65536: wanted HOST"),
      (["--vnc=1.2.3.4:"], "--vnc 1.2.3.4:: wanted HOST"), (["--vnc=::1"], "--vnc ::1: wanted HOST"),
      (["--vnc=:1,x"], "--vnc :1,x: wanted HOST"),
      (["--vnc=:1,password-file="], "--vnc :1,password-file=: wanted HOST"),
      (["--gtk"], "--gtk: not supported; "),
      (["--shmem", "x"], "--shmem x: wanted [pci:]ADDR:SIZE"),
      (["--shmem", "pci:0xc8000000"], "--shmem pci:0xc8000000: wanted [pci:]ADDR:SIZE"),
      (["--shmem", "0xc8000000:"], "--shmem 0xc8000000:: wanted [pci:]ADDR:SIZE"),
      (["--shmem", "mmio:0:4k"], "--shmem mmio:0:4k: wanted [pci:]ADDR:SIZE"),
      (["--shmem", "0xc8000000:3M"], "--shmem 0xc8000000:3M: the size must be a power of two"),
      (["--shmem", "0xc8000000:2k"], "--shmem 0xc8000000:2k: the size must be a power of two"),
      (["--shmem", "0xc8000000:4k:handle="], "--shmem 0xc8000000:4k:handle=: wanted handle=NAME or create"),
      (
        ["--shmem", "0x1000:16M"],
        "--shmem 0x1000:16M: the address must be a multiple of the size, from 0xc1000000"
      ),
      (["--shmem", "0xfeb00000:2M"], "--shmem 0xfeb00000:2M: the address must be a multiple of the size"),
      (["--shmem", "0xc8000000:4k:handle=../x"], "--shmem 0xc8000000:4k:handle=../x: '../x' is not a name"),
      (
        ["--shmem", "0xc8000000:8k", "--shmem", "0xc8001000:4k"],
        "--shmem: two memories lie over each other at 0xc8001000"
      ),
      (["-n", "mode=user,guest_ip=0.0.0.0"], "--network: address 0.0.0.0 is not one of a machine"),
      (
        ["-n", "mode=user,guest_ip=192.168.33.255"],
        "--network: address 192.168.33.255 is not one of a machine"
      ),
      (["-n", "mode=user,host_ip=10.0.0.1"], "--network: address 192.168.33.15 is not one of a machine"),
      (["-n", "mode=user,host_ip=192.168.33.15"], "--network:"),
      (["--shmem", "0xc8000000:4k:x"], "--shmem 0xc8000000:4k:x: wanted handle=NAME or create"),
      (["--vfio-pci", "x"], "--vfio-pci x: wanted [DOMAIN:]BUS:DEV.FN as lspci prints it"),
      (["--vfio-pci", "0000:00:20.0"], "--vfio-pci 0000:00:20.0: wanted [DOMAIN:]BUS:DEV.FN"),
      (["--vfio-pci", "0:1.0", "--vfio-pci", "0000:00:01.0"], "--vfio-pci 0000:00:01.0: given twice"),
      (["-d", "scsi:1234"], "--disk scsi:1234: wanted scsi:WWPN[:TPGT]"),
      (["-d", "scsi:"], "--disk scsi:: wanted scsi:WWPN"), (["-d", "scsi:naa."], "--disk scsi:naa.: wanted"),
      (["-d", "scsi:naa.6001:x"], "--disk scsi:naa.6001:x: wanted scsi:WWPN"),
      (["-d", "scsi:naa.6001,ro "], "--disk scsi:naa.6001,ro : wanted scsi:WWPN"),
      (["-d", "scsi:naa.6/1"], "--disk scsi:naa.6/1: wanted scsi:WWPN"),
      (["-d", "scsi:naa.\(String(repeating: "6", count: 220))"], "--disk scsi:naa.666"),
      (["-d", "scsi:naa.6001", "-d", "scsi:naa.6001:1"], "--disk scsi:naa.6001:1: given twice"),
      (["--vidmode", "3"], "--vidmode 3: wanted WIDTHxHEIGHT"),
      (["--vid", "0x311"], "--vidmode 0x311: wanted WIDTHxHEIGHT"),
      (["--vidmode", "640x"], "--vidmode 640x: wanted WIDTHxHEIGHT"),
      (["--vidmode", "4096x4096"], "--vidmode 4096x4096: wanted WIDTHxHEIGHT"),
      (["--vidmode", "-640x480"], "--vidmode -640x480: wanted WIDTHxHEIGHT"),
      (["-m", "0"], "--mem 0: a guest has memory"), (["-m", "x"], "--mem x: wanted a size"),
      (["-m", "-5"], "--mem -5: wanted a size"), (["--mem="], "--mem : wanted a size"),
      (["--cpus", "-1"], "--cpus -1: wanted a number from 0 on"),
      (["-cx"], "--cpus x: wanted a number from 0 on"),
      (["-c", "99999999999999999999"], "--cpus 99999999999999999999: wanted a number from 0 on"),
      (["--numa-node=-1"], "--numa-node -1: wanted"),
      (["--tty", "4"], "--tty 4: wanted a serial port from 0 to 3"),
      (["--disk-queues", "0"], "--disk-queues 0: wanted a number from 1 to 64"),
      (["--disk-queues", "65"], "--disk-q"),
      (["--debug-iodelay", "10001"], "--debug-iodelay 10001: wanted a number from 0 to 10000"),
      (["--console", "x"], "--console x: wanted serial or virtio"),
      (["--virtio-transport", "mmio"], "--virtio-transport mmio: wanted pci or pci-legacy"),
      (["--io-engine", "x"], "--io-engine x: wanted libaio or io_uring or sync"),
      (["--loglevel", "x"], "--loglevel x: wanted debug or info"),
      (["-d", "a,b"], "--disk a,b: wanted PATH"),
      (["-d", "a,format=vmdk"], "--disk a,format=vmdk: wanted PATH"),
      (["-d", ""], "--disk : wanted PATH"), (["-k", ""], "--kernel : wanted FILE"),
      (["-n", "foo=1"], "--network foo=1: unknown key 'foo'"),
      (["-n", "mode"], "--network mode: mode without a value"),
      (["-n", "mode=x"], "--network mode=x: mode=x"), (["-n", ""], "--network : an empty setting"),
      (
        ["-n", "mode=user,guest_ip=1.2.3"],
        "--network mode=user,guest_ip=1.2.3: guest_ip=1.2.3: wanted an IPv4 address"
      ),
      (["-n", "mode=user,guest_mac=zz"], "--network mode=user,guest_mac=zz: "),
      (["-n", "mtu=0"], "--network mtu=0: mtu=0"),
      (["--9p", ""], "--9p : wanted DIR"), (["--vext", "a,queues=0"], "--vext a,queues=0: wanted PATH"),
      (["--vhost-user-blk", "a,ro"], "--vhost-user-blk a,ro: wanted SOCKET"),
      (["--vhost-user-fs", "a"], "--vhost-user-fs a: wanted SOCKET"),
    ] as [([String], String)])
  func `an impossible value is refused by the name of its option`(arguments: [String], message: String) {
    let error = #expect(throws: LkvmFailure.self) { try ParsedCommand.run(arguments) }
    #expect(error?.description.hasPrefix(message) == true)
    #expect(error?.exitCode == 64)
  }

  @Test func `a sandbox has a command or a script`() throws {
    func command(_ words: [String]) throws -> [String] {
      try ParsedCommand.make(SandboxCommand.self, words).command
    }
    #expect(try command(["--", "true"]) == ["true"])
    #expect(try command(["true"]) == ["true"])
    #expect(try command(["-k", "k", "ls", "-l", "--", "-m", "x"]) == ["ls", "-l", "--", "-m", "x"])
    let script = try ParsedCommand.make(SandboxCommand.self, ["--sandbox", "x.sh"])
    #expect(script.settings.kernel.sandbox == "x.sh")
    #expect(throws: LkvmFailure.self) { try command([]) }
    #expect(throws: LkvmFailure.self) { try command(["-k", "k", "--"]) }
  }
}
