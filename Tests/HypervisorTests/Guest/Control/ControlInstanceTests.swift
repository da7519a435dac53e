import Glibc
import HostSystem
import Hypervisor
import SystemPackage
import Testing

/// Names of machines, and finding them.
@Suite(.timeLimit(.minutes(20))) struct ControlInstanceTests {
  private let fixture: ControlFixture
  private var directory: InstanceDirectory { fixture.directory }

  init() throws { fixture = try ControlFixture() }

  @Test func `the directory and the socket are for their owner alone`() throws {
    let (server, _) = try fixture.start("vm")
    #expect(ControlFixture.mode(fixture.path) == 0o700)
    #expect(ControlFixture.mode("\(fixture.path)/vm.sock") == 0o600)
    server.stop()
  }

  @Test func `a name in use is refused, and free again afterwards`() throws {
    let (server, _) = try fixture.start("vm")
    #expect(throws: InstanceError.nameInUse("vm")) { try fixture.start("vm") }
    #expect(try directory.connect(to: "vm").processID() == getpid())
    server.stop()
    let (second, _) = try fixture.start("vm")
    second.stop()
  }

  @Test func `a name is taken from its claim on, before anybody answers`() throws {
    let listener = try directory.claim("vm")
    #expect(throws: InstanceError.nameInUse("vm")) { try fixture.start("vm") }
    #expect(listener.path == "\(fixture.path)/vm.sock")
    _ = consume listener
    #expect(fixture.entries.isEmpty)
  }

  @Test func `a dead socket is replaced`() throws {
    _ = try directory.claim("vm")
    try fixture.leaveDeadSocket("vm")
    #expect(fixture.entries == ["vm.sock"])
    let (server, machine) = try fixture.start("vm")
    #expect(try directory.connect(to: "vm").send(.stop) == .done)
    #expect(machine.calls == ["stop"])
    server.stop()
  }

  @Test func `a file that is not a socket is left alone`() throws {
    _ = try directory.claim("vm")
    let path = "\(fixture.path)/vm.sock"
    _ = try OwnedDescriptor.open(path, flags: O_CREAT | O_WRONLY, mode: 0o600)
    #expect(throws: InstanceError.notASocket(path: path)) { try fixture.start("vm") }
    #expect(fixture.entries == ["vm.sock"])
    #expect(try directory.runningInstances().isEmpty)
    #expect(fixture.entries == ["vm.sock"])
  }

  @Test func `the list has those that run, with process and state, and removes dead sockets`() throws {
    #expect(try directory.runningInstances().isEmpty, "no directory yet")
    let (first, _) = try fixture.start("b")
    let (second, machine) = try fixture.start("a")
    #expect(machine.pause() == .done)
    try fixture.leaveDeadSocket("dead")
    let list = try directory.runningInstances()
    #expect(list.map(\.name) == ["a", "b"])
    #expect(list.map(\.processID) == [getpid(), getpid()])
    #expect(list.map(\.state) == [.paused, .running])
    #expect(fixture.entries == ["a.sock", "b.sock"])
    first.stop()
    second.stop()
  }

  @Test func `a machine that hangs is listed without its state`() throws {
    let listener = try directory.claim("mute")
    let list = try directory.runningInstances()
    #expect(list.map(\.name) == ["mute"])
    #expect(list.map(\.state) == [nil])
    _ = consume listener
  }

  @Test(arguments: ["", ".", "..", ".hidden", "a/b", "../vm", "a\0b", "a\nb", "a b"])
  func `names that no file should have are refused`(name: String) {
    #expect(throws: InstanceError.badName(name)) { _ = try directory.claim(name) }
  }

  @Test func `a name that makes the path too long is refused with what is left for it`() throws {
    let limit = 107 - fixture.path.utf8.count - "/.sock".utf8.count
    let (server, _) = try fixture.start(String(repeating: "n", count: limit))
    server.stop()
    let long = String(repeating: "n", count: limit + 1)
    #expect(throws: InstanceError.nameTooLong(long, byteLimit: limit)) { _ = try directory.claim(long) }
  }

  @Test func `a machine that does not run is reported`() throws {
    #expect(throws: InstanceError.notRunning("vm")) { _ = try directory.connect(to: "vm") }
    #expect("\(InstanceError.notRunning("vm"))" == "no machine named 'vm' runs")
  }

  @Test func `the environment says where machines are`() throws {
    #expect(try InstanceDirectory { ["HOME": "/root"][$0] }.path == "/root/.lkvm")
    #expect(try InstanceDirectory { ["HOME": "/root", "LKVM_HOME": "/x"][$0] }.path == "/x")
    #expect(throws: InstanceError.noHome) { try InstanceDirectory { ["HOME": ""][$0] } }
  }

  @Test func `a directory that cannot be made is named`() {
    #expect(throws: InstanceError.system(path: "/proc/none", .noSuchFileOrDirectory)) {
      _ = try InstanceDirectory(path: "/proc/none").claim("vm")
    }
  }

  @Test(arguments: [0o777, 0o720, 0o702] as [mode_t])
  func `a directory that others may change is refused, with the way out`(mode: mode_t) throws {
    let (server, _) = try fixture.start("vm")
    defer { server.stop() }
    #expect(unsafe chmod(fixture.path, mode) == 0)
    let error = InstanceError.writableByOthers(path: fixture.path)
    #expect(throws: error) { _ = try directory.claim("b") }
    #expect(throws: error) { _ = try directory.connect(to: "vm") }
    #expect(throws: error) { try directory.runningInstances() }
    #expect(error.description.hasSuffix("'chmod go-w \(fixture.path)'"))
    #expect(unsafe chmod(fixture.path, 0o755) == 0)
    #expect(try directory.runningInstances().map(\.name) == ["vm"])
  }
}
