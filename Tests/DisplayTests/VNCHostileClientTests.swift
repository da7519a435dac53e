import HostSystem
import SystemPackage
import TestSupport
import Testing

@testable import Display
@testable import Hypervisor

/// Clients that break the protocol: each loses its connection, and the others go on.
@Suite(.serialized) struct VNCHostileClientTests {
  private let log = FakeChangeLog()
  private let fixture: ControllerFixture
  private let frameBuffer: FrameBuffer
  private let server: VNCServer

  init() throws {
    fixture = try ControllerFixture()
    let mode = try #require(VideoMode(width: 320, height: 200))
    frameBuffer = try FrameBuffer(mode, log: log)
    var configuration = VNCConfiguration()
    configuration.port = 0
    server = try VNCServer(configuration, mode: mode, name: "guest")
    try server.start(frameBuffer, keyboard: fixture.controller, name: "test-vnc")
  }

  /// Whether another client still gets the screen, at the latest when the server has given up the others.
  private func isServing() throws -> Bool {
    for _ in 0..<20 {
      // A server that waited for a slow client may have given up this one, too.
      if let isRight = try? showsPixel() { return isRight }
    }
    return try showsPixel()
  }

  private func showsPixel() throws -> Bool {
    let client = try RFBClient(port: server.port)
    log.write([7, 8, 9, 0], at: 0)
    try client.update(incremental: false)
    return client.pixel(0, 0) == 0x09_0807
  }

  @Test(
    arguments: [
      [UInt8](repeating: 0xFF, count: 4096), Array("RFB 999.999\n".utf8) + [9, 9, 9, 9],
      Array("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n".utf8),
      // A page in a browser.
      Array(
        ("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: http://a\r\n"
          + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\n"
          + "Sec-WebSocket-Version: 13\r\n\r\n").utf8),
      // A TLS handshake's beginning.
      [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3] + [UInt8](repeating: 0xA5, count: 600),
    ])
  func `a stranger that does not speak RFB is turned away`(bytes: [UInt8]) throws {
    defer { server.stop() }
    let client = try RFBClient(connectedTo: server.port)
    // The server may close the connection before all is sent.
    try? client.send(bytes)
    #expect(client.waitForEnd())
    #expect(try isServing())
  }

  @Test(
    arguments: [
      // No message has this number.
      [200] + [UInt8](repeating: 0, count: 64),
      // Two GiB of clipboard.
      [6, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0x41, count: 100_000),
      // The same of the extended clipboard.
      [6, 0, 0, 0, 0x80, 0, 0, 1] + [UInt8](repeating: 0x41, count: 100_000),
      // Half a message.
      [3, 0, 0], [4], [0, 0, 0, 0, 32],
    ] as [[UInt8]])
  func `a client that breaks the protocol after the handshake loses its connection`(bytes: [UInt8]) throws {
    defer { server.stop() }
    let client = try RFBClient(port: server.port)
    try? client.send(bytes)
    #expect(client.waitForEnd())
    #expect(try isServing())
  }

  @Test func `garbage in any amount ends nothing but its connection`() throws {
    defer { server.stop() }
    var random = SplitMix64(seed: 20_261_130)
    for _ in 0..<24 {
      let client = try RFBClient(port: server.port)
      let bytes = (0..<Int(random.next() % 400)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      try? client.send([UInt8(truncatingIfNeeded: random.next() % 8)] + bytes)
    }
    #expect(try isServing())
  }

  @Test func `pixel formats that cannot be do no harm`() throws {
    defer { server.stop() }
    for format in [
      [8, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [32, 24, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 255, 255, 255],
      [16, 255, 1, 1, 0, 31, 0, 63, 0, 31, 200, 100, 50], [33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] as [[UInt8]] {
      let client = try RFBClient(port: server.port)
      try? client.send([0, 0, 0, 0] + format + [0, 0, 0])
      try? client.send([3, 0, 0, 0, 0, 0, 1, 64, 0, 200])
      // Some of them are served, and some are not.
      _ = try? client.receive(64)
    }
    #expect(try isServing())
  }

  @Test func `a request outside of the screen does no harm`() throws {
    defer { server.stop() }
    let client = try RFBClient(port: server.port)
    try client.send([3, 0] + [UInt8](repeating: 0xFF, count: 8))
    try? client.send([3, 0, 0, 10, 0, 10, 0xFF, 0xFF, 0xFF, 0xFF])
    #expect(try isServing())
  }
}
