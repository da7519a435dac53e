import CLinux
import Foundation
import Glibc
import HostSystem
import Hypervisor
import SystemPackage
import Testing

/// A running vextd and peers that do what they must not: it goes on, and keeps nothing of theirs.
///
/// `VEXT_CONNECTIONS=1000000` connects that often.
@Suite(.serialized) struct VextdHostileTests {
  /// A running vextd of this build with a disk "a" of zeroes, whose log goes to a file.
  private final class Service {
    let folder = "/tmp/vextd-bad-\(UUID().uuidString.prefix(8))"
    private let process: ChildProcess

    var socket: String { folder + "/s" }
    private var place: String { "/proc/\(process.id)" }

    init() throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      for name in ["a", "log"] {
        let size = name == "a" ? 1 << 20 : 0
        #expect(FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: Data(count: size)))
      }
      let log = try OwnedDescriptor.open("\(folder)/log", flags: O_WRONLY | O_APPEND)
      process = try ChildProcess(
        path: VextdProcessTests.program.path,
        arguments: ["--socket", "\(folder)/s", "--disk", "a=\(folder)/a"],
        errors: log.rawValue)
      #expect(waits { (try? VextServiceQuestion.list.ask(path: socket)) != nil })
    }

    /// The log's lines.
    var lines: Int {
      ((try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)) ?? "").split(separator: "\n").count
    }

    /// Descriptors and threads of the process when nobody has asked anything for a moment.
    func idleResources() -> [Int] {
      #expect(answers())
      usleep(300_000)
      return resources
    }

    /// Whether it has no more descriptors and threads than `before`, at last.
    func returns(to before: [Int]) -> Bool { waits { zip(resources, before).allSatisfy { $0 <= $1 } } }

    /// Descriptors and threads of the process.
    var resources: [Int] {
      ["fd", "task"].map {
        (try? FileManager.default.contentsOfDirectory(atPath: "\(place)/\($0)").count) ?? -1
      }
    }

    /// Resident memory in KiB.
    var residentKiB: Int {
      let status = (try? String(contentsOfFile: "\(place)/status", encoding: .utf8)) ?? ""
      let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
      return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }

    /// Whether it answers one that asks, who may find all places taken for a moment.
    func answers() -> Bool {
      waits { (try? VextServiceQuestion.list.ask(path: socket))?.hasPrefix("disk a 1048576 bytes") == true }
    }

    func waits(_ condition: () -> Bool) -> Bool {
      for _ in 0..<2000 {
        if condition() { return true }
        usleep(5_000)
      }
      return false
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }
  }

  /// A connection, or nil where the service's backlog is full or it has closed the connection already.
  private static func connect(_ service: Service) -> PacketSocket? {
    do throws(Errno) { return try PacketSocket.connected(path: service.socket) } catch { return nil }
  }

  @Test(.timeLimit(.minutes(180)))
  func `connections in a loop cost a running vextd nothing that stays`() throws {
    let wanted = ProcessInfo.processInfo.environment["VEXT_CONNECTIONS"].flatMap(Int.init)
    let service = try Service()
    let before = service.idleResources()
    let deadline = HostClock.monotonicNanoseconds() + 2_000_000_000
    var count = 0
    var held: [PacketSocketBox] = []
    while wanted.map({ count < $0 }) ?? (HostClock.monotonicNanoseconds() < deadline) {
      guard let socket = Self.connect(service) else {
        usleep(100)
        continue
      }
      count += 1
      // One in three sends bytes that are not a message; one in a hundred stays for a while.
      if count % 3 == 0 { try? socket.send([UInt8](repeating: 1, count: count % 40 + 1)) }
      if count % 100 == 0 { held.append(PacketSocketBox(socket)) }
      if held.count > 100 { held = [] }
      if count % 20_000 == 0 {
        held = []
        #expect(service.answers())
      }
    }
    held = []
    #expect(count > 100)
    #expect(service.answers())
    #expect(service.returns(to: before), "\(service.resources) after \(before)")
    #expect(service.residentKiB < 300 << 10)
    // 64 lines, one more every ten seconds, and a word about those that are left out.
    #expect(service.lines <= 200 + count / 1000, "\(service.lines) lines for \(count) connections")
  }

  /// Keeps a connection.
  private final class PacketSocketBox {
    private let socket: PacketSocket
    init(_ socket: consuming PacketSocket) { self.socket = socket }
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func `garbage, halves of messages and descriptors in any number end their connections and leave nothing`(
    seed: UInt64
  ) throws {
    var random = SplitMix64(seed: seed)
    let service = try Service()
    let before = service.idleResources()
    let event = try EventDescriptor()
    for _ in 0..<150 {
      guard let socket = Self.connect(service) else { continue }
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        var bytes: [UInt8] =
          Bool.random(using: &random)
          // A greeting, perhaps cut.
          ? [1, 0, 0, 0, 1, 0, 0, 0, 0x56, 0x58, 0x53, 0x56, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
          : (0..<Int.random(in: 1...200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
          }
        if Int.random(in: 0..<3, using: &random) == 0 {
          bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
        }
        let descriptors = [Int32](
          repeating: event.rawValue, count: Int.random(in: 0...PacketSocket.descriptorLimit, using: &random))
        do throws(Errno) { try socket.send(bytes, descriptors: descriptors) } catch { break }
      }
    }
    #expect(service.answers())
    #expect(service.returns(to: before), "\(service.resources) after \(before)")
  }

  @Test func `more descriptors than a message may have are closed with the connection`() throws {
    let service = try Service()
    let before = service.idleResources()
    // As many as the kernel passes in one message.
    let script = """
      import array, os, socket, sys
      for count in (9, 64, 253):
          s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
          s.connect(sys.argv[1])
          fds = array.array("i", [os.open("/dev/null", os.O_RDONLY) for _ in range(count)])
          s.sendmsg([b"\\1\\0\\0\\0\\1\\0\\0\\0VXSV\\1\\0\\0\\0" + bytes(8)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
          s.settimeout(20)
          try:
              sys.stdout.write("%d " % len(s.recv(100)))
          except ConnectionResetError:
              sys.stdout.write("0 ")
          s.close()
          for fd in fds:
              os.close(fd)
      """
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script, service.socket]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    #expect(text == "0 0 0 ")
    #expect(service.answers())
    #expect(service.returns(to: before), "\(service.resources) after \(before)")
  }
}
