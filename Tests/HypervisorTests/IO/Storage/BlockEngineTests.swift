import CLinux
import Glibc
import HostSystem
import Hypervisor
import SystemPackage
import Testing

/// Engines without a device in front of them.
@Suite struct BlockEngineTests {
  /// Two blocks of memory.
  @safe
  private final class Buffer {
    let vectors: UnsafeMutablePointer<iovec>
    private let memory: UnsafeMutableRawPointer

    init() {
      unsafe memory = .allocate(byteCount: 1024, alignment: 512)
      unsafe memory.initializeMemory(as: UInt8.self, repeating: 0xEE, count: 1024)
      unsafe vectors = .allocate(capacity: 2)
      unsafe vectors.initialize(to: iovec(iov_base: memory, iov_len: 512))
      unsafe (vectors + 1).initialize(to: iovec(iov_base: memory + 512, iov_len: 512))
    }

    deinit {
      unsafe vectors.deallocate()
      unsafe memory.deallocate()
    }

    var bytes: [UInt8] { unsafe [UInt8](UnsafeRawBufferPointer(start: memory, count: 1024)) }
  }

  /// Starts one request of two blocks at `offset` and waits for its result.
  private static func perform(
    _ operation: BlockOperation, on image: DiskImage, kind: BlockEngineKind, offset: UInt64 = 0,
    byteCount: UInt64 = 1024, buffer: Buffer = Buffer()
  ) throws -> Int64 {
    var engine = try BlockEngine(kind: kind, capacity: 4)
    let start = unsafe engine.start(
      operation, on: image.handle, vectors: IOVectors(buffer.vectors, count: 2), offset: offset,
      byteCount: byteCount,
      token: 0x1234_5678_9ABC_DEF0)
    switch start {
    case .finished(let result): return result
    case .pending:
      #expect(engine.inFlight == 1)
      engine.submit()
      var found: AIOCompletion?
      let arrived = eventually {
        found = engine.reap()
        return found != nil
      }
      #expect(arrived)
      #expect(engine.inFlight == 0)
      let completion = try #require(found)
      #expect(completion.token == 0x1234_5678_9ABC_DEF0)
      return completion.result
    }
  }

  private static func open(_ disk: VirtioTemporaryDisk, readOnly: Bool = false) throws -> DiskImage {
    try DiskImage(path: disk.path, readOnly: readOnly, direct: false)
  }

  @Test(arguments: TestedEngines.movers)
  func `reads and writes move the bytes of all vectors`(kind: BlockEngineKind) throws {
    let disk = VirtioTemporaryDisk(byteCount: 8192)
    let image = try Self.open(disk)
    let buffer = Buffer()
    #expect(try Self.perform(.read, on: image, kind: kind, offset: 2048, buffer: buffer) == 1024)
    #expect(buffer.bytes == VirtioTemporaryDisk.pattern(2048, 1024))
    #expect(try Self.perform(.write, on: image, kind: kind, offset: 4096, buffer: buffer) == 1024)
    #expect(disk.read(4096, 1024) == VirtioTemporaryDisk.pattern(2048, 1024))
  }

  @Test(arguments: TestedEngines.movers)
  func `discard and write-zeroes report their length, flush nothing`(kind: BlockEngineKind) throws {
    let disk = VirtioTemporaryDisk(byteCount: 16384)
    let image = try Self.open(disk)
    #expect(try Self.perform(.writeZeroes, on: image, kind: kind, offset: 512) == 1024)
    #expect(disk.read(512, 1024) == [UInt8](repeating: 0, count: 1024))
    #expect(try Self.perform(.discard, on: image, kind: kind, offset: 4096) == 1024)
    #expect(disk.read(4096, 1024) == [UInt8](repeating: 0, count: 1024))
    #expect(try Self.perform(.flush, on: image, kind: kind, byteCount: 0) == 0)
  }

  @Test(arguments: TestedEngines.movers)
  func `a read behind the file's end moves nothing, one across it moves part`(kind: BlockEngineKind) throws {
    let disk = VirtioTemporaryDisk(byteCount: 8192)
    let image = try Self.open(disk)
    disk.truncate(to: 700)
    #expect(try Self.perform(.read, on: image, kind: kind, offset: 4096) == 0)
    #expect(try Self.perform(.read, on: image, kind: kind) == 700)
  }

  @Test(arguments: TestedEngines.movers)
  func `the kernel's refusal is the result`(kind: BlockEngineKind) throws {
    let disk = VirtioTemporaryDisk(byteCount: 8192)
    let image = try Self.open(disk, readOnly: true)
    for operation in [BlockOperation.write, .durableWrite, .discard, .writeZeroes] {
      #expect(try Self.perform(operation, on: image, kind: kind) == -Int64(EBADF))
    }
  }

  @Test func `the null engine finishes everything at once and touches nothing`() throws {
    let disk = VirtioTemporaryDisk(byteCount: 8192)
    let image = try Self.open(disk)
    let buffer = Buffer()
    for operation in [BlockOperation.read, .write, .flush, .discard, .writeZeroes] {
      #expect(try Self.perform(operation, on: image, kind: .null, buffer: buffer) == 1024)
    }
    #expect(buffer.bytes == [UInt8](repeating: 0xEE, count: 1024))
    #expect(disk.read(0, 8192) == VirtioTemporaryDisk.pattern(0, 8192))
  }

  @Test(arguments: TestedEngines.asynchronous)
  func `an asynchronous engine has room for as many as it was made for`(kind: BlockEngineKind) throws {
    let disk = VirtioTemporaryDisk(byteCount: 8192)
    let image = try Self.open(disk)
    let buffer = Buffer()
    var engine = try BlockEngine(kind: kind, capacity: 3)
    let room = engine.room
    #expect(room >= 3)
    for token in 0..<3 as Range<UInt64> {
      _ = unsafe engine.start(
        .read, on: image.handle, vectors: IOVectors(buffer.vectors, count: 2), offset: 0, byteCount: 1024,
        token: token)
    }
    #expect(engine.room == room - 3)
    engine.submit()
    var tokens: Set<UInt64> = []
    let arrived = eventually {
      while let completion = engine.reap() { tokens.insert(completion.token) }
      return tokens.count == 3
    }
    #expect(arrived)
    #expect(engine.room == room)
    let sync = try BlockEngine(kind: .sync, capacity: 3)
    #expect(sync.room == .max)
  }
}
