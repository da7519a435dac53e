import Foundation
import Glibc
import HostSystem
import Hypervisor
import Testing

/// The program vextd as systemd, Prometheus and an administrator meet it.
@Suite struct VextdProcessTests {
  static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "vextd")

  /// A folder that goes with the test.
  private final class Folder {
    let path: String

    init() throws {
      path = "/tmp/vextd-test-\(UUID().uuidString.prefix(8))"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    /// A disk of zeroes.
    func disk(_ name: String) -> String {
      #expect(FileManager.default.createFile(atPath: "\(path)/\(name)", contents: Data(count: 1 << 20)))
      return "\(path)/\(name)"
    }

    func write(_ text: String, to name: String) throws -> String {
      try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
      return "\(path)/\(name)"
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  /// Runs `program`; returns its exit code and both outputs.
  private func run(_ program: URL = program, _ arguments: [String]) throws -> (code: Int32, text: String) {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = program
    process.arguments = arguments
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  /// What the metrics socket at `path` answers to a request for `page`.
  private func get(_ page: String, at path: String) throws -> String {
    let client = try UnixSocket.connected(path: path)
    let request = Array("GET \(page) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
    #expect(try client.send(request[...]) == request.count)
    var answer: [UInt8] = []
    let deadline = HostClock.monotonicNanoseconds() + 20_000_000_000
    while try client.wait(deadline: deadline) == .ready {
      let bytes = try client.receive(byteCount: 65_536)
      if bytes.isEmpty { break }
      answer += bytes
    }
    return String(decoding: answer, as: UTF8.self)
  }

  /// Starts vextd and hands it over when it answers at `socket`.
  private func withService(
    _ arguments: [String], socket: String, environment: [String: String] = [:],
    _ body: (Process) throws -> Void
  ) throws {
    let process = Process()
    process.executableURL = Self.program
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    defer {
      if process.isRunning { process.terminate() }
      process.waitUntilExit()
    }
    for _ in 0..<2000 {
      if (try? VextServiceQuestion.list.ask(path: socket)) != nil { return try body(process) }
      usleep(10_000)
    }
    Issue.record("vextd does not answer")
  }

  @Test func `a vhost-user socket needs a disk, replaces a dead one, and goes with the service`() throws {
    let folder = try Folder()
    let (socket, vhost) = ("\(folder.path)/s", "\(folder.path)/v")
    let disk = ["--disk", "a=\(folder.disk("a"))"]
    let missing = try run(Self.program, ["--socket", socket] + disk + ["--vhost-user", "b=\(vhost)"])
    #expect(missing.code == 1 && missing.text.contains("--vhost-user b=\(vhost): no --disk has the name 'b'"))
    #expect(try run(Self.program, ["--socket", socket] + disk + ["--vhost-user", "a"]).code == 64)
    // A socket that a dead service left.
    _ = try UnixSocket.listening(path: vhost)
    try withService(["--socket", socket] + disk + ["--vhost-user", "a=\(vhost)"], socket: socket) { process in
      _ = try DescriptorStream.connected(path: vhost)
      let second = try run(
        Self.program, ["--socket", "\(folder.path)/t"] + disk + ["--vhost-user", "a=\(vhost)"])
      #expect(second.code == 1)
      process.terminate()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      #expect(!FileManager.default.fileExists(atPath: vhost))
    }
    let config = try folder.write(
      "socket = \(socket)\ndisk = a=\(folder.path)/a\nvhost-user = a=\(vhost)\n", to: "c")
    try withService(["--config", config], socket: socket) { _ in
      _ = try DescriptorStream.connected(path: vhost)
    }
  }

  @Test func `an administrator drains, detaches and reloads, and sees metrics`() throws {
    let folder = try Folder()
    let socket = "\(folder.path)/s"
    let first = "socket = \(socket)\nmetrics = \(folder.path)/m\ndisk = a=\(folder.disk("a"))\n"
    let config = try folder.write(first, to: "c")
    try withService(["--config", config], socket: socket) { _ in
      func control(_ words: String...) throws -> (code: Int32, text: String) {
        try run(Self.program, ["ctl"] + words + ["--socket", socket])
      }
      #expect(try control("drain", "a").code == 0)
      #expect(try control("list").text.contains("clients: 0, drained"))
      #expect(try control("detach", "a").code == 0)
      #expect(try control("list").text.contains("disk a") == false)
      let missing = try control("detach", "a")
      #expect(missing.code == 1 && missing.text.split(separator: "\n").count == 1)
      _ = try folder.write(first + "disk = b=\(folder.disk("b")),iops=5\n", to: "c")
      let reload = try control("reload")
      #expect(reload.code == 0 && reload.text == "disk a: added\ndisk b: added\n")
      _ = try folder.write(first + "disk = c=/nonexistent\n", to: "c")
      #expect(try control("reload").code == 1)
      #expect(try control("list").text.contains("disk b "))
      _ = try folder.write(first, to: "c")
      #expect(
        try control("reload").text
          == "disk a: kept\ndisk b: no longer in the configuration, kept until it is detached\n")
      let top = try run(Self.program, ["top", "--socket", socket, "--count", "1"])
      #expect(top.code == 0 && top.text.hasPrefix("0 clients; io0 "))
      // One that says nothing does not keep the next one waiting for ever.
      let silent = try UnixSocket.connected(path: "\(folder.path)/m")
      #expect(try get("/metrics", at: "\(folder.path)/m").contains("\nvextd_clients 0\n"))
      _ = consume silent
    }
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/m"))
  }

  @Test func `a service manager learns that the service is ready, and that it stops`() throws {
    let folder = try Folder()
    let path = "\(folder.path)/notify"
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    let bound = unsafe withUnsafePointer(to: address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0)
    func message() -> String {
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = unsafe recv(descriptor, &bytes, bytes.count, 0)
      return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }
    let service = "\(folder.path)/s"
    try withService(
      ["--socket", service, "--disk", "a=\(folder.disk("a"))"], socket: service,
      environment: ["NOTIFY_SOCKET": path]
    ) { process in
      #expect(message().hasPrefix("READY=1\n"))
      process.terminate()
      #expect(message() == "STOPPING=1")
    }
  }

  @Test func `a socket that systemd passes is used, and left where it is`() throws {
    let folder = try Folder()
    let path = "\(folder.path)/s"
    // As systemd does it: the socket is descriptor 3, and the variables name the process.
    let script = """
      import os, socket, sys
      s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
      s.bind(sys.argv[1])
      s.listen()
      os.dup2(s.fileno(), 3)
      os.set_inheritable(3, True)
      os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
      os.execv(sys.argv[2], [sys.argv[2], "--socket", "/nonexistent/s", "--disk", "a=" + sys.argv[3]])
      """
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script, path, Self.program.path, folder.disk("a")]
    process.standardError = FileHandle.nullDevice
    try process.run()
    defer { process.waitUntilExit() }
    var list: String?
    for _ in 0..<2000 where list == nil {
      list = try? VextServiceQuestion.list.ask(path: path)
      usleep(10_000)
    }
    process.terminate()
    process.waitUntilExit()
    #expect(list?.hasPrefix("disk a ") == true)
    #expect(process.terminationStatus == 0)
    #expect(FileManager.default.fileExists(atPath: path))
  }
}
