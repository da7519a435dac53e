import Foundation
import HostSystem
import SystemPackage
import TestSupport
import Testing

@testable import Display
@testable import Hypervisor

/// A guest's screen in the hands of VNC clients.
@Suite struct VNCServerTests {
  private let log = FakeChangeLog()
  private let fixture: ControllerFixture
  private let frameBuffer: FrameBuffer
  private let mode: VideoMode

  init() throws {
    fixture = try ControllerFixture()
    mode = try #require(VideoMode(width: 320, height: 200))
    frameBuffer = try FrameBuffer(mode, log: log)
  }

  private func server(_ configuration: VNCConfiguration = VNCConfiguration()) throws -> VNCServer {
    var configuration = configuration
    configuration.port = 0
    let server = try VNCServer(configuration, mode: mode, name: "guest-1")
    try server.start(frameBuffer, keyboard: fixture.controller, name: "test-vnc")
    return server
  }

  /// Waits until the guest has read as many bytes of the keyboard, and returns them.
  private func keyboardBytes(_ count: Int) -> [UInt8] {
    let deadline = HostClock.monotonicNanoseconds() + 10_000_000_000
    var bytes: [UInt8] = []
    while bytes.count < count, HostClock.monotonicNanoseconds() < deadline {
      bytes += fixture.bytes().keyboard
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    return bytes
  }

  @Test func `a client sees the screen, and then what the guest changes`() throws {
    let server = try server()
    defer { server.stop() }
    log.write([0x11, 0x22, 0x33, 0], at: (199 * 320 + 319) * 4)
    let client = try RFBClient(port: server.port)
    #expect(client.width == 320)
    #expect(client.height == 200)
    #expect(client.name == "guest-1")
    try client.update(incremental: false)
    #expect(client.pixel(319, 199) == 0x33_2211)
    #expect(client.pixel(0, 0) == 0)
    log.write([1, 2, 3, 0], at: (100 * 320 + 5) * 4)
    let changes = try client.update(incremental: true)
    #expect(client.pixel(5, 100) == 0x03_0201)
    // The rows of one page, not the screen.
    #expect(changes.map(\.height).reduce(0, +) < 10)
  }

  @Test func `keys and pointer of a client reach the guest's devices, and are released with its end`() throws
  {
    let server = try server()
    defer { server.stop() }
    do {
      let client = try RFBClient(port: server.port)
      try client.type("a")
      #expect(keyboardBytes(3) == [0x1C, 0xF0, 0x1C])
      try client.key(0xFFE3, isDown: true)
      let held = withExtendedLifetime(client) { keyboardBytes(1) }
      #expect(held == [0x14])
    }
    #expect(keyboardBytes(2) == [0xF0, 0x14])
  }

  @Test func `a client needs the password, if there is one`() throws {
    let path = NSTemporaryDirectory() + "vext-password-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("secret12-and more\nnext line\n".utf8).write(to: URL(filePath: path))
    var configuration = VNCConfiguration()
    configuration.passwordFile = path
    let server = try server(configuration)
    defer { server.stop() }
    let client = try RFBClient(port: server.port) { VNCPassword.response(to: $0, password: "secret12") }
    try client.update(incremental: false)
    #expect(throws: RFBClient.Failure.refused(1)) {
      try RFBClient(port: server.port) { VNCPassword.response(to: $0, password: "secret13") }
    }
    #expect(throws: RFBClient.Failure.unexpected(2)) { try RFBClient(port: server.port) }
  }

  @Test func `a password file that is missing or empty, and a port that is taken, are errors`() throws {
    var configuration = VNCConfiguration()
    configuration.passwordFile = "/nonexistent/password"
    #expect(throws: DisplayError.cannotReadPassword("/nonexistent/password", .noSuchFileOrDirectory)) {
      try VNCServer(configuration, mode: mode, name: "x")
    }
    configuration.passwordFile = "/dev/null"
    #expect(throws: DisplayError.noPassword("/dev/null")) {
      try VNCServer(configuration, mode: mode, name: "x")
    }
    let server = try server()
    defer { server.stop() }
    configuration = VNCConfiguration()
    configuration.port = server.port
    let error = #expect(throws: DisplayError.self) { try VNCServer(configuration, mode: mode, name: "x") }
    #expect(error == .cannotListen("127.0.0.1:\(server.port)", .addressInUse))
  }

  @Test func `a library that is missing is named with its package`() {
    let error = #expect(throws: DisplayError.self) { try VNCLibrary(fileName: "libnothing.so.1") }
    #expect(error?.description.contains("Debian's package libvncserver1: libnothing.so.1") == true)
  }

  @Test func `further clients than the limit are turned away until one goes`() throws {
    let server = try server()
    defer { server.stop() }
    var clients = try (0..<VNCServer.clientLimit).map { _ in try RFBClient(port: server.port) }
    #expect(throws: RFBClient.Failure.ended) { try RFBClient(port: server.port) }
    clients.removeLast()
    let deadline = HostClock.monotonicNanoseconds() + 10_000_000_000
    var isBack = false
    while !isBack, HostClock.monotonicNanoseconds() < deadline {
      isBack = (try? RFBClient(port: server.port)) != nil
    }
    #expect(isBack)
  }

  @Test func `the server stops at once although clients are there and say nothing`() throws {
    let server = try server()
    let silent = try RFBClient(connectedTo: server.port)
    let client = try RFBClient(port: server.port)
    try client.send([6, 0, 0, 0])
    let start = HostClock.monotonicNanoseconds()
    server.stop()
    #expect(HostClock.monotonicNanoseconds() - start < 1_500_000_000)
    #expect(silent.waitForEnd())
    #expect(client.waitForEnd())
  }
}
