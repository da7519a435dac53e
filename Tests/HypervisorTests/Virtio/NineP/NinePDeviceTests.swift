import Hypervisor
import Testing
import VextProtocol

/// The device as a driver sees it, with a real thread: a lost notification or interrupt stalls these.
@Suite(.serialized) struct NinePDeviceTests {
  private typealias T = NinePClient.T

  /// A device in a machine without vCPUs, and a driver that has started it.
  private final class Fixture {
    static let features: UInt64 = 1 | 1 << 28 | 1 << 29 | 1 << 32
    static let request: UInt64 = 0x20_0000
    static let reply: UInt64 = 0x30_0000
    let directory = NinePTemporaryDirectory()
    let memory: GuestMemory
    let thread: DeviceThread
    let recorder = VirtioEventRecorder()
    let lines = InterruptLineRecorder()
    let function: VirtioPCI
    let driver: FakeVirtioDriver
    var queue: FakeVirtqueue

    init() throws {
      memory = try GuestMemory(byteCount: 8 << 20)
      thread = try DeviceThread(name: "9p-test")
      let share = try NinePShare(path: directory.path, tag: "host", readOnly: false)
      let device = try Virtio9P(share: share, memory: memory, thread: thread)
      function = try VirtioPCI(device: device, memory: memory, router: recorder)
      let bus = AddressBus()
      driver = try FakeVirtioDriver(of: function, bus: bus, recorder: recorder, lines: lines)
      queue = try FakeVirtqueue(memory: memory, base: 0x1_0000, size: 128, usesEventIndex: true)
      try start()
    }

    deinit {
      function.shutDown()
      thread.stop()
    }

    func start() throws {
      try driver.negotiate(Self.features)
      queue = try FakeVirtqueue(memory: memory, base: 0x1_0000, size: 128, usesEventIndex: true)
      driver.enable(0, queue.layout)
      driver.start()
    }

    /// Sends a message in pieces of `pieceByteCount` bytes, and takes its answer, which comes in such pieces too.
    func call(_ message: [UInt8], pieceByteCount: Int = 64, replyByteCount: Int = 4096) throws -> [UInt8] {
      try memory.write(message, at: GuestAddress(Self.request))
      try queue.describeChain(
        0, readable: Self.pieces(Self.request, message.count, pieceByteCount),
        writable: Self.pieces(Self.reply, replyByteCount, pieceByteCount))
      if try queue.offer(0) { driver.kick(0) }
      while true {
        if let used = try queue.takeUsed() {
          return try memory.read(Int(used.byteCount), at: GuestAddress(Self.reply))
        }
        if try queue.requestInterrupt() { try #require(recorder.waitForInterrupt(1), "no answer came") }
      }
    }

    private static func pieces(_ base: UInt64, _ count: Int, _ size: Int) -> [(UInt64, UInt32)] {
      stride(from: 0, to: count, by: size).map { (base + UInt64($0), UInt32(min(size, count - $0))) }
    }
  }

  private static func begin(_ fixture: Fixture) throws {
    _ = try fixture.call(NinePMessage().u32(65_536).string("9P2000.L").framed(T.version))
    let attach = NinePMessage().u32(0).u32(.max).string("root").string("").u32(0)
    #expect(try fixture.call(attach.framed(T.attach))[4] == T.attach + 1)
  }

  @Test func `the configuration is the tag, and the feature is offered`() throws {
    let fixture = try Fixture()
    let device = fixture.driver
    #expect(device.offeredFeatures() & 1 == 1)
    let bytes = (0..<6).map { UInt8(device.bus.read(device.deviceBase + $0, byteCount: 1)) }
    #expect(bytes == [4, 0] + Array("host".utf8))
    #expect(device.bus.read(device.deviceBase, byteCount: 2) == 4)
    #expect(FakeVirtioDriver.register(device.host, 0) == 0x1049_1AF4)
  }

  @Test(arguments: [4096, 100, 40])
  func `data go both ways, whatever pieces they come in`(pieceByteCount: Int) throws {
    let fixture = try Fixture()
    try Self.begin(fixture)
    let create = NinePMessage().u32(0).string("file").u32(0o102).u32(0o644).u32(0)
    #expect(try fixture.call(create.framed(T.lcreate))[4] == T.lcreate + 1)
    let data = (0..<2_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let write = NinePMessage().u32(0).u64(0).data(data).framed(T.write)
    let count = [UInt8(2_000 & 0xFF), UInt8(2_000 >> 8), 0, 0]
    #expect(
      try fixture.call(write, pieceByteCount: pieceByteCount, replyByteCount: 64)
        == [11, 0, 0, 0, T.write + 1, 1, 0] + count)
    let read = NinePMessage().u32(0).u64(0).u32(3_000).framed(T.read)
    let answer = try fixture.call(read, pieceByteCount: pieceByteCount, replyByteCount: 3_011)
    #expect(Array(answer[4..<11]) == [T.read + 1, 1, 0] + count)
    #expect(Array(answer.dropFirst(11)) == data)
  }

  @Test func `a thousand messages are each answered`() throws {
    let fixture = try Fixture()
    try Self.begin(fixture)
    let message = NinePMessage().u32(0).u64(0x7FF).framed(T.getattr)
    for turn in 0..<1_000 {
      let answer = try fixture.call(message)
      guard answer.count == 160 else {
        Issue.record("turn \(turn) was answered with \(answer)")
        return
      }
    }
  }

  @Test func `a reset ends the session`() throws {
    let fixture = try Fixture()
    for _ in 0..<20 {
      try Self.begin(fixture)
      try fixture.start()
      let getattr = NinePMessage().u32(0).u64(0x7FF).framed(T.getattr)
      // EPROTO: nobody has said Tversion.
      #expect(try fixture.call(getattr).dropFirst(4).prefix(4) == [7, 1, 0, 71])
    }
  }

  @Test func `a chain without room for an answer comes back empty, and one without a message with an error`()
    throws
  {
    let fixture = try Fixture()
    try Self.begin(fixture)
    let message = NinePMessage().u32(0).u64(0x7FF).framed(T.getattr)
    #expect(try fixture.call(message, replyByteCount: 0).isEmpty)
    #expect(try fixture.call([], replyByteCount: 64).dropFirst(4).prefix(4) == [7, 255, 255, 71])
    #expect(try fixture.call(message).count == 160)
  }
}
