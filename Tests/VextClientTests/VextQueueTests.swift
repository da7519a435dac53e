import HostSystem
import Hypervisor
import Synchronization
import SystemPackage
import Testing
import VextProtocol

@testable import VextClient

/// One after the other: each has a thread that polls.
@Suite(.serialized)
struct VextQueueTests {
  @Test(arguments: [BlockEngineKind.sync, .libaio])
  func `a buffer of the pool is read and written in place by one entry`(engine: BlockEngineKind) throws {
    let fixture = try ClientFixture(engine: engine)
    let queue = try fixture.device.makeQueue()
    let buffer = try fixture.device.pool.allocate(byteCount: 64 << 10)
    try queue.read(at: 512, into: buffer)
    #expect(unsafe [UInt8](buffer.bytes) == ClientFixture.pattern(512, 64 << 10))
    let bytes = ClientFixture.other(64 << 10)
    unsafe buffer.bytes.copyBytes(from: bytes)
    try queue.write(at: 1 << 20, from: buffer)
    #expect(fixture.onDisk(1 << 20, 64 << 10) == bytes)
    #expect(queue.entryCount == 2)
  }

  @Test(arguments: [false, true])
  func `other memory is copied through the pool, whatever its alignment and length`(scattered: Bool) throws {
    let fixture = try ClientFixture(scattered: scattered)
    let queue = try fixture.device.makeQueue()
    let byteCount = 1 << 20
    #expect(try queue.read(at: 512, byteCount: byteCount) == ClientFixture.pattern(512, byteCount))
    let bytes = ClientFixture.other(byteCount)
    try queue.write(at: 2 << 20, bytes: bytes)
    #expect(fixture.onDisk(2 << 20, byteCount) == bytes)
    // Three pieces of odd lengths that make two blocks together.
    var pieces = [
      [UInt8](repeating: 0, count: 3), [UInt8](repeating: 0, count: 1000), [UInt8](repeating: 0, count: 21),
    ]
    try unsafe Self.withPieces(&pieces) { vectors throws(Errno) in
      try unsafe queue.read(at: 4096, into: vectors)
    }
    #expect(pieces.flatMap(\.self) == ClientFixture.pattern(4096, 1024))
    pieces = [Array(bytes[0..<500]), Array(bytes[500..<501]), Array(bytes[501..<512])]
    try unsafe Self.withPieces(&pieces) { vectors throws(Errno) in
      try unsafe queue.write(at: 8192, from: vectors.map { UnsafeRawBufferPointer($0) })
    }
    #expect(fixture.onDisk(8192, 512) == Array(bytes[0..<512]))
    let free = fixture.device.pool.freeByteCount
    _ = try queue.read(at: 0, byteCount: byteCount)
    #expect(fixture.device.pool.freeByteCount == free)
  }

  private static func withPieces(
    _ pieces: inout [[UInt8]], _ body: ([UnsafeMutableRawBufferPointer]) throws(Errno) -> Void
  ) throws {
    let copies = unsafe pieces.map { piece in
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
      unsafe copy.copyBytes(from: piece)
      return unsafe copy
    }
    try unsafe body(copies)
    for index in unsafe copies.indices {
      pieces[index] = unsafe [UInt8](copies[index])
      unsafe copies[index].deallocate()
    }
  }

  @Test func `scattered pages become segment lists, as many as it takes`() throws {
    let fixture = try ClientFixture(scattered: true)
    let queue = try fixture.device.makeQueue()
    // 256 segments fill a list.
    for (pageCount, entryCount) in [(1, 1), (2, 1), (3, 1), (256, 1), (257, 2)] {
      let before = queue.entryCount
      let bytes = ClientFixture.other(pageCount * 4096, seed: pageCount)
      let buffer = try fixture.device.pool.allocate(byteCount: bytes.count)
      unsafe buffer.bytes.copyBytes(from: bytes)
      try queue.write(at: 1 << 20, from: buffer)
      #expect(queue.entryCount - before == UInt64(entryCount))
      #expect(fixture.onDisk(1 << 20, bytes.count) == bytes)
      unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: 0)
      try queue.read(at: 1 << 20, into: buffer)
      #expect(unsafe [UInt8](buffer.bytes) == bytes)
    }
  }

  @Test func `a device that takes one segment and few bytes gets many entries`() throws {
    let fixture = try ClientFixture(
      scattered: true, overrides: [VextRegister.maxSegments: 1, VextRegister.maxTransferByteCount: 3000])
    let queue = try fixture.device.makeQueue(depth: 4)
    #expect(fixture.device.limits.maxTransferByteCount == 2560)
    let buffer = try fixture.device.pool.allocate(byteCount: 64 << 10)
    try queue.read(at: 0, into: buffer)
    #expect(unsafe [UInt8](buffer.bytes) == ClientFixture.pattern(0, 64 << 10))
    #expect(try queue.read(at: 0, byteCount: 64 << 10) == ClientFixture.pattern(0, 64 << 10))
    #expect(queue.entryCount >= 2 * 26)
  }

  @Test func `many requests are in flight at once, and their outcomes are taken in any order`() throws {
    let fixture = try ClientFixture(engine: .libaio)
    let queue = try fixture.device.makeQueue(depth: 16)
    let count = 100
    let pool = fixture.device.pool
    let buffers = try unsafe (0..<count).map { _ in try unsafe pool.allocateBytes(byteCount: 4096) }
    var ids = try (0..<count).map { try unsafe queue.submitRead(at: UInt64($0 * 4096), into: buffers[$0]) }
    ids.shuffle()
    for id in ids { try queue.wait(for: id) }
    for index in 0..<count {
      #expect(unsafe [UInt8](buffers[index]) == ClientFixture.pattern(index * 4096, 4096))
      unsafe pool.deallocate(buffers[index])
    }
    #expect(throws: Errno.invalidArgument) { try queue.wait(for: ids[0]) }
    #expect(queue.poll() == 0)
  }

  @Test func `several requests are performed at once, and the first failure is thrown`() throws {
    let fixture = try ClientFixture()
    let queue = try fixture.device.makeQueue()
    let buffer = try fixture.device.pool.allocate(byteCount: 8192)
    let halves = unsafe (
      UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<4096]),
      UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[4096...])
    )
    try unsafe queue.perform([
      .read(offset: 0, buffer: halves.0), .read(offset: 1 << 20, buffer: halves.1),
      .writeZeroes(offset: 2 << 20, byteCount: 4096), .flush,
    ])
    #expect(
      unsafe [UInt8](buffer.bytes) == ClientFixture.pattern(0, 4096) + ClientFixture.pattern(1 << 20, 4096))
    #expect(fixture.onDisk(2 << 20, 4096).allSatisfy { $0 == 0 })
    fixture.truncateDisk(to: 1 << 20)
    #expect(throws: Errno.ioError) {
      try unsafe queue.perform([.read(offset: 0, buffer: halves.0), .read(offset: 1 << 20, buffer: halves.1)])
    }
    #expect(queue.failure == nil)
  }

  @Test func `flush, discard, write-zeroes and identify have their effects`() throws {
    let fixture = try ClientFixture(overrides: [VextRegister.maxRangeByteCount: 5000])
    let queue = try fixture.device.makeQueue()
    try queue.flush()
    let before = queue.entryCount
    try queue.writeZeroes(at: 4096, byteCount: 8192)
    #expect(queue.entryCount - before == 2)
    #expect(fixture.onDisk(4096, 8192).allSatisfy { $0 == 0 })
    #expect(fixture.onDisk(4096 + 8192, 512) == ClientFixture.pattern(4096 + 8192, 512))
    try queue.discard(at: 1 << 20, byteCount: 1 << 20)
    #expect(try queue.identify().count == 20)
  }

  @Test func `the client refuses requests for which the device would stop the queue`() throws {
    let fixture = try ClientFixture()
    let queue = try fixture.device.makeQueue()
    let end = UInt64(ClientFixture.diskByteCount)
    #expect(throws: Errno.invalidArgument) { try queue.read(at: 1, byteCount: 512) }
    #expect(throws: Errno.invalidArgument) { try queue.read(at: 0, byteCount: 511) }
    #expect(throws: Errno.invalidArgument) { try queue.read(at: end, byteCount: 512) }
    #expect(throws: Errno.invalidArgument) { try queue.read(at: end - 512, byteCount: 1024) }
    #expect(throws: Errno.invalidArgument) {
      try queue.write(at: .max - 511, bytes: ClientFixture.other(512))
    }
    #expect(throws: Errno.invalidArgument) { try queue.discard(at: 0, byteCount: end + 512) }
    #expect(throws: Errno.invalidArgument) { try queue.writeZeroes(at: 512, byteCount: 1) }
    #expect(try queue.read(at: end, byteCount: 0) == [])
    #expect(queue.entryCount == 0)
    #expect(try queue.read(at: end - 512, byteCount: 512) == ClientFixture.pattern(Int(end) - 512, 512))
  }

  @Test func `a read-only disk refuses changes`() throws {
    let fixture = try ClientFixture(readOnly: true)
    #expect(fixture.device.isReadOnly)
    let queue = try fixture.device.makeQueue()
    #expect(throws: Errno.readOnlyFileSystem) { try queue.write(at: 0, bytes: ClientFixture.other(512)) }
    #expect(throws: Errno.readOnlyFileSystem) { try queue.discard(at: 0, byteCount: 512) }
    #expect(throws: Errno.readOnlyFileSystem) { try queue.writeZeroes(at: 0, byteCount: 512) }
    #expect(try queue.read(at: 0, byteCount: 512) == ClientFixture.pattern(0, 512))
  }

  @Test func `each queue has an index of its own, and gives it back`() throws {
    let fixture = try ClientFixture(queueCount: 2)
    let free = fixture.device.pool.freeByteCount
    do {
      let first = try fixture.device.makeQueue(depth: 5)
      let second = try fixture.device.makeQueue(depth: 100_000)
      #expect(first.index == 0 && second.index == 1)
      #expect(first.depth == 8 && second.depth == 1024)
      #expect(throws: Errno.resourceBusy) { _ = try fixture.device.makeQueue() }
      #expect(try second.read(at: 0, byteCount: 512) == ClientFixture.pattern(0, 512))
    }
    #expect(fixture.device.pool.freeByteCount == free)
    #expect(try fixture.device.makeQueue().read(at: 0, byteCount: 512) == ClientFixture.pattern(0, 512))
  }

  @Test func `a ring that no piece of memory is long enough for becomes shorter`() throws {
    let fixture = try ClientFixture(scattered: true)
    #expect(try fixture.device.makeQueue(depth: 1024).depth == 64)
  }

  @Test func `a full pool slows copies down and stops none`() throws {
    let fixture = try ClientFixture()
    let queue = try fixture.device.makeQueue(depth: 4)
    let pool = fixture.device.pool
    var hoard: [UnsafeMutableRawBufferPointer] = unsafe []
    for byteCount in [1 << 20, 64 << 10, 4096] {
      while let bytes = unsafe pool.take(byteCount: byteCount) { unsafe hoard.append(bytes) }
    }
    #expect(pool.freeByteCount == 0)
    #expect(try queue.read(at: 0, byteCount: 1 << 20) == ClientFixture.pattern(0, 1 << 20))
    #expect(throws: Errno.noMemory) { _ = try pool.allocate(byteCount: 1) }
    #expect(throws: Errno.noMemory) { _ = try fixture.device.makeQueue() }
    for index in unsafe hoard.indices { unsafe pool.deallocate(hoard[index]) }
  }

  @Test func `four threads with a queue each read back what they wrote`() throws {
    let fixture = try ClientFixture(engine: .libaio)
    let device = fixture.device
    let failures = Mutex<[String]>([])
    let threads = try (0..<4).map { index in
      try HostThread(name: "client-\(index)", cpus: nil) {
        do {
          let queue = try device.makeQueue()
          let share = ClientFixture.diskByteCount / 4
          for round in 0..<4 {
            let bytes = ClientFixture.other(share, seed: index * 10 + round)
            try queue.write(at: UInt64(index * share), bytes: bytes)
            try queue.flush()
            if try queue.read(at: UInt64(index * share), byteCount: share) != bytes {
              failures.withLock { $0.append("thread \(index) round \(round)") }
            }
          }
        } catch {
          failures.withLock { $0.append("\(error)") }
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(failures.withLock { $0 } == [])
  }
}
