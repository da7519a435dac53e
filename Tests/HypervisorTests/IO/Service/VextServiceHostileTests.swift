import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

extension VextServiceTests {
  /// What a client must not do: it is left, and nobody else notices.
  @Suite struct HostileTests {
    /// A message that breaks the rules, after those that a good client sends first.
    struct Attack: CustomTestStringConvertible, Sendable {
      let testDescription: String
      let run: @Sendable (RawServiceClient) throws -> Void
    }

    private static func bytes(
      _ name: String, after stage: Stage = .connected, _ bytes: [UInt8], descriptors: [Int32] = []
    ) -> Attack {
      Attack(testDescription: name) { client in
        try stage.reach(client)
        try client.send(bytes, descriptors: descriptors)
      }
    }

    private static func request(
      _ name: String, after stage: Stage, _ request: VextServiceRequest, descriptors: [Int32] = []
    ) -> Attack {
      bytes(name, after: stage, request.encoded(tag: 9), descriptors: descriptors)
    }

    /// How far a connection has come.
    enum Stage: Sendable {
      case connected, greeted, open, shared

      func reach(_ client: RawServiceClient) throws {
        switch self {
        case .connected: break
        case .greeted: try client.greet()
        case .open: try client.open()
        case .shared: try client.share()
        }
      }
    }

    private static let hello = VextServiceRequest.hello(version: 1, features: 0)
    private static let enable = VextServiceRequest.enable(queue: 0, VextQueueSetup(depth: 16))

    /// The request with one byte set.
    private static func spoilt(_ request: VextServiceRequest, at index: Int, _ byte: UInt8) -> [UInt8] {
      var bytes = request.encoded(tag: 9)
      bytes[index] = byte
      return bytes
    }

    static let attacks: [Attack] = [
      bytes("one byte", [1]), bytes("half a header", [1, 0, 0]),
      bytes("half a greeting", Array(hello.encoded(tag: 1).dropLast(8))),
      bytes("a longer greeting", hello.encoded(tag: 1) + [0]),
      bytes("a greeting with another magic", spoilt(hello, at: 8, 0)),
      bytes("a reserved field", spoilt(hello, at: 2, 1)),
      bytes("type 0", [UInt8](repeating: 0, count: 8)),
      bytes("type 65535", after: .greeted, [255, 255, 0, 0, 0, 0, 0, 0]),
      bytes("a message of 64 KiB and a byte", [UInt8](repeating: 1, count: VextServiceRequest.byteLimit + 1)),
      bytes("a descriptor with a greeting", hello.encoded(tag: 1), descriptors: [0]),
      request("a disk before the greeting", after: .connected, .open(disk: "ro")),
      request("a queue before the greeting", after: .connected, enable),
      request("a second greeting", after: .greeted, hello),
      request("memory before a disk", after: .greeted, .memory([.whole(4096)]), descriptors: [0, 0]),
      request("a queue before memory", after: .open, enable),
      request("a second disk", after: .open, .open(disk: "ro")),
      request("second memory", after: .shared, .memory([.whole(4096)]), descriptors: [0, 0]),
      bytes("a disk without a name", after: .greeted, [2, 0, 0, 0, 0, 0, 0, 0]),
      bytes("a path for a name", after: .greeted, [2, 0, 0, 0, 0, 0, 0, 0] + Array("../x".utf8)),
      bytes(
        "a name of 65 bytes", after: .greeted,
        [2, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 97, count: 65)),
      request("memory without descriptors", after: .open, .memory([.whole(4096)])),
      request("memory with one descriptor", after: .open, .memory([.whole(4096)]), descriptors: [0]),
      request(
        "memory with eight descriptors", after: .open, .memory([.whole(4096)]),
        descriptors: .init(repeating: 0, count: 8)),
      request("memory without regions", after: .open, .memory([]), descriptors: [0, 0]),
      request(
        "memory of three regions", after: .open, .memory(.init(repeating: .whole(4096), count: 3)),
        descriptors: [0, 0]),
      bytes(
        "more regions than there are", after: .open, spoilt(.memory([.whole(4096)]), at: 8, 2),
        descriptors: [0, 0]),
      bytes("queue 128", after: .shared, spoilt(enable, at: 8, 128)),
      bytes("half a queue", after: .shared, Array(enable.encoded(tag: 9).dropLast())),
      request("a descriptor with a queue that takes none", after: .shared, enable, descriptors: [0]),
      bytes("a reserved field in a disable", after: .shared, spoilt(.disable(queue: 0), at: 12, 1)),
    ]

    @Test(arguments: attacks)
    func `a client that breaks the protocol is left, and its neighbour goes on`(_ attack: Attack) throws {
      let fixture = try ServiceFixture()
      let neighbour = try fixture.machine("rw")
      let client = try fixture.rawClient()
      try attack.run(client)
      #expect(try client.isLeft())
      #expect(fixture.waitForClients(1))
      #expect(try neighbour.readsWell())
    }

    /// Regions that do not fit a file of 1 MiB.
    static let regions: [[GuestMemoryRegion]] = [
      [.init(address: GuestAddress(0), byteCount: 0, fileOffset: 0)],
      [.init(address: GuestAddress(0), byteCount: 4095, fileOffset: 0)],
      [.init(address: GuestAddress(1), byteCount: 4096, fileOffset: 0)],
      [.init(address: GuestAddress(0), byteCount: 4096, fileOffset: 1)],
      [.whole((1 << 20) + 4096)],
      [.init(address: GuestAddress(0), byteCount: 1 << 20, fileOffset: 4096)],
      [.init(address: GuestAddress(0), byteCount: 4096, fileOffset: UInt64.max - 4095)],
      [.init(address: GuestAddress(UInt64.max - 4095), byteCount: 8192, fileOffset: 0)],
      [.init(address: GuestAddress(0), byteCount: UInt64.max - 4095, fileOffset: 4096)],
      [.whole(8192), .init(address: GuestAddress(4096), byteCount: 4096, fileOffset: 8192)],
      [.whole(8192), .init(address: GuestAddress(1 << 32), byteCount: 4096, fileOffset: 4096)],
      [.init(address: GuestAddress(1 << 32), byteCount: 8192, fileOffset: 8192), .whole(1 << 20)],
    ]

    @Test(arguments: regions)
    func `memory that is not within its file is refused`(_ regions: [GuestMemoryRegion]) throws {
      let fixture = try ServiceFixture()
      let client = try fixture.rawClient()
      try client.open()
      let files = try SharedPair()
      let descriptors = [files.memory.descriptor, files.table.descriptor]
      #expect(try client.ask(.memory(regions), descriptors: descriptors) == .failed(.invalidArgument))
      // The connection goes on, and good memory is taken.
      #expect(try client.ask(.memory([.whole(1 << 20)]), descriptors: descriptors) == .done)
    }

    @Test func `a file that can shrink, or is no memory, is refused in either place`() throws {
      let fixture = try ServiceFixture()
      let client = try fixture.rawClient()
      try client.open()
      let files = try SharedPair()
      let shrinkable = OwnedDescriptor(adopting: unsafe linux_sealed_memory_file("shrinks", 2 << 20, 0, 0))
      try #require(shrinkable.rawValue >= 0)
      let file = try OwnedDescriptor.open("/dev/null", flags: O_RDWR)
      let event = try EventDescriptor()
      let small = try SharedMemoryFile(name: "small", byteCount: 4096)
      for number in [shrinkable.rawValue, file.rawValue, event.rawValue, client.socket.rawValue] {
        for descriptors in [[number, files.table.descriptor], [files.memory.descriptor, number]] {
          #expect(
            try client.ask(.memory([.whole(4096)]), descriptors: descriptors) == .failed(.invalidArgument))
        }
      }
      #expect(
        try client.ask(
          .memory([.whole(4096)]), descriptors: [files.memory.descriptor, small.descriptor])
          == .failed(.invalidArgument))
      #expect(shrinkable.rawValue >= 0 && file.rawValue >= 0)
    }

    @Test func `queues that share rings harm their client alone`() throws {
      let fixture = try ServiceFixture()
      let neighbour = try fixture.machine("rw")
      let client = try fixture.rawClient()
      try client.open()
      let memory = try GuestMemory(byteCount: 1 << 20, isShared: true)
      let table = try SharedMemoryFile(name: "table", byteCount: VextQueueTable.byteCount)
      let descriptor = try #require(memory.sharedDescriptor)
      #expect(
        try client.ask(.memory(memory.sharedRegions), descriptors: [descriptor, table.descriptor]) == .done)
      var setup = VextQueueSetup(depth: 16)
      setup.submissionRing = 0x1000
      setup.completionRing = 0x8000
      for queue in 0..<128 as Range<UInt16> {
        #expect(try client.ask(.enable(queue: queue, setup)) == .enable(.none))
      }
      #expect(
        try client.ask(.enable(queue: 5, setup))
          == .enable(VextQueueFault(error: .alreadyEnabled, detail: 0)))
      setup.features = VextFeatures(rawValue: 8)
      let event = try EventDescriptor()
      #expect(
        try client.ask(.enable(queue: 5, setup), descriptors: [event.rawValue]) == .failed(.notSupported))
      guard let ring = unsafe memory.map.hostPointer(GuestAddress(0x1000), byteCount: 16 * 64) else {
        Issue.record("the ring is not in memory")
        return
      }
      var producer = unsafe VextSubmissionProducer(ring: ring, depth: 16)
      for id in 0..<16 as Range<UInt16> {
        producer.push(
          VextSubmissionEntry(
            operation: VextOperation.read.rawValue, id: id,
            segment0: VextSegment(address: GuestAddress(0x1_0000), byteCount: 512)))
      }
      for _ in 0..<50 { #expect(try neighbour.readsWell()) }
      #expect(try client.ask(.close) == .done)
      #expect(try client.isLeft())
      #expect(try neighbour.readsWell())
    }

    @Test func `a client that does not read its replies is left`() throws {
      let fixture = try ServiceFixture()
      let neighbour = try fixture.machine("rw")
      let client = try fixture.rawClient()
      try client.share()
      var isLeft = false
      for tag in 0..<1_000_000 as Range<UInt32> where !isLeft {
        do throws(Errno) {
          try client.socket.send(VextServiceRequest.statistics.encoded(tag: tag))
        } catch {
          // Its own requests do not fit either, as long as the service has not read them.
          if error == .wouldBlock { usleep(100) } else { isLeft = true }
        }
      }
      #expect(isLeft)
      #expect(fixture.waitForClients(1))
      #expect(try neighbour.readsWell())
    }

    @Test func `there are no more clients than the limit, and room again when one leaves`() throws {
      let fixture = try ServiceFixture()
      var clients = try (0..<VextService.clientLimit).map { _ in try fixture.rawClient() }
      for client in clients { try client.greet() }
      #expect(try fixture.rawClient().isLeft())
      clients.removeLast()
      #expect(fixture.waitForClients(VextService.clientLimit - 1))
      try fixture.rawClient().greet()
    }

    @Test(.timeLimit(.minutes(20)), arguments: 0..<8 as Range<UInt64>)
    func `whatever clients send, the service goes on`(seed: UInt64) throws {
      var random = SplitMix64(seed: seed)
      let fixture = try ServiceFixture(engine: .null)
      let neighbour = try fixture.machine("rw")
      let files = try SharedPair()
      let numbers = [files.memory.descriptor, files.table.descriptor, 0]
      for _ in 0..<40 {
        let client = try fixture.rawClient()
        try [Stage.connected, .greeted, .open, .shared][Int.random(in: 0..<4, using: &random)].reach(client)
        for _ in 0..<20 {
          let (bytes, descriptors) = Self.garbage(&random, numbers)
          do throws(Errno) { try client.socket.send(bytes, descriptors: descriptors) } catch { break }
        }
      }
      #expect(try neighbour.driver.perform(VextFixture.entry(.read, id: 1)).status == 0)
      #expect(fixture.waitForClients(1))
    }

    /// A message that may be good but for some bytes, and descriptors that may fit.
    private static func garbage(
      _ random: inout SplitMix64, _ numbers: [Int32]
    ) -> ([UInt8], descriptors: [Int32]) {
      var setup = VextQueueSetup()
      setup.submissionRing = UInt64.random(in: 0...0x20_0000, using: &random) & ~63
      setup.completionRing = UInt64.random(in: 0...0x20_0000, using: &random) & ~63
      setup.depth = 1 << UInt32.random(in: 0...12, using: &random)
      let queue = UInt16.random(in: 0..<128, using: &random)
      let requests: [VextServiceRequest] = [
        .enable(queue: queue, setup), .resume(queue: queue, setup), .disable(queue: queue), .statistics,
        .list,
        .metrics, .hello(version: 1, features: 0), .open(disk: "ro"), .memory([.whole(1 << 20)]), .close,
      ]
      let request = requests[Int.random(in: 0..<requests.count, using: &random)]
      var bytes = request.encoded(tag: UInt32.random(in: 0...UInt32.max, using: &random))
      if Int.random(in: 0..<3, using: &random) == 0 {
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
      }
      if Int.random(in: 0..<8, using: &random) == 0 {
        bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
      }
      if bytes.isEmpty { bytes = [0] }
      var descriptors: [Int32] = []
      let count =
        Int.random(in: 0..<6, using: &random) == 0
        ? Int.random(in: 0...8, using: &random) : request.descriptorCount
      for _ in 0..<count { descriptors.append(numbers[Int.random(in: 0..<numbers.count, using: &random)]) }
      return (bytes, descriptors)
    }
  }
}
