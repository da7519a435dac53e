import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing

@testable import Hypervisor

/// What an engine leaves to a thread because it would block the I/O thread.
@Suite struct BlockingWorkerTests {
  private static let byteCount = 4 << 20

  /// Memory for one large transfer.
  @safe
  private final class Buffer {
    let vector: UnsafeMutablePointer<iovec>
    private let memory: UnsafeMutableRawPointer

    init() {
      unsafe memory = .allocate(byteCount: byteCount, alignment: 4096)
      unsafe memory.initializeMemory(as: UInt8.self, repeating: 0xEE, count: byteCount)
      unsafe vector = .allocate(capacity: 1)
      unsafe vector.initialize(to: iovec(iov_base: memory, iov_len: byteCount))
    }

    deinit {
      unsafe vector.deallocate()
      unsafe memory.deallocate()
    }

    /// Whether the memory ends as the disk's first bytes do.
    var hasArrived: Bool {
      let offset = byteCount - 4096
      return unsafe [UInt8](UnsafeRawBufferPointer(start: memory + offset, count: 4096))
        == VirtioTemporaryDisk.pattern(offset, 4096)
    }
  }

  private static func reap(_ count: Int, _ engine: inout BlockEngine) -> [AIOCompletion] {
    var completions: [AIOCompletion] = []
    _ = eventually {
      while let completion = engine.reap() { completions.append(completion) }
      return completions.count >= count
    }
    return completions.sorted { $0.token < $1.token }
  }

  @Test func `ranges and large transfers through the page cache do not hold up the caller`() throws {
    let disk = VirtioTemporaryDisk(byteCount: Self.byteCount + 16_384)
    let image = try DiskImage(path: disk.path, readOnly: false, direct: false)
    let buffer = Buffer()
    let event = try EventDescriptor()
    var engine = try BlockEngine(kind: .libaio, capacity: 4, completionEvent: event.rawValue, offloads: true)
    for (token, operation) in [BlockOperation.read, .writeZeroes, .discard].enumerated() {
      let start = unsafe engine.start(
        operation, on: image.handle, vectors: IOVectors(buffer.vector, count: 1),
        offset: UInt64(token == 0 ? 0 : Self.byteCount + token * 4096),
        byteCount: UInt64(token == 0 ? Self.byteCount : 4096), token: UInt64(token))
      guard case .pending = start else {
        Issue.record("\(operation) was carried out by the caller")
        continue
      }
    }
    let (room, inFlight) = (engine.room, engine.inFlight)
    #expect(room == 1 && inFlight == 3)
    engine.submit()
    let completions = Self.reap(3, &engine)
    #expect(completions.map(\.result) == [Int64(Self.byteCount), 4096, 4096])
    #expect(completions.map(\.token) == [0, 1, 2])
    let (roomThen, inFlightThen) = (engine.room, engine.inFlight)
    #expect(roomThen == 4 && inFlightThen == 0)
    let wasSignalled = event.isSignalled
    #expect(wasSignalled && buffer.hasArrived)
    #expect(disk.read(Self.byteCount + 4096, 8192) == [UInt8](repeating: 0, count: 8192))
  }

  @Test func `transfers through the page cache end a pass after sixteen mebibytes`() throws {
    let disk = VirtioTemporaryDisk(byteCount: Self.byteCount)
    let image = try DiskImage(path: disk.path, readOnly: true, direct: false)
    let buffer = Buffer()
    var engine = try BlockEngine(kind: .libaio, capacity: 4)
    for token in 0..<4 as Range<UInt64> {
      let wasSpent = engine.isSpent
      #expect(!wasSpent)
      _ = unsafe engine.start(
        .read, on: image.handle, vectors: IOVectors(buffer.vector, count: 1), offset: 0,
        byteCount: UInt64(Self.byteCount), token: token)
    }
    let isSpent = engine.isSpent
    engine.submit()
    let isSpentThen = engine.isSpent
    #expect(isSpent && !isSpentThen)
    let completions = Self.reap(4, &engine)
    #expect(completions.map(\.result) == [Int64](repeating: Int64(Self.byteCount), count: 4))
  }

  @Test func `an engine that ends waits for what its worker has`() throws {
    let disk = VirtioTemporaryDisk(byteCount: Self.byteCount)
    let image = try DiskImage(path: disk.path, readOnly: false, direct: false)
    let buffer = Buffer()
    do {
      var engine = try BlockEngine(kind: .libaio, capacity: 4, offloads: true)
      for token in 0..<4 as Range<UInt64> {
        _ = unsafe engine.start(
          .writeZeroes, on: image.handle, vectors: IOVectors(buffer.vector, count: 0), offset: token * 4096,
          byteCount: 4096, token: token)
      }
    }
    #expect(disk.read(0, 16_384) == [UInt8](repeating: 0, count: 16_384))
  }
}
