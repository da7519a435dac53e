import CLinux
import Glibc
import SystemPackage
import Testing

@testable import HostSystem

/// Whether this host lets us have a ring, and why not.
private let unavailable: IOUringUnavailable? = {
  do throws(IOUringUnavailable) {
    try IOUring.checkAvailability()
    return nil
  } catch { return error }
}()

@Suite(.enabled(if: unavailable == nil, "this host has no io_uring"))
struct IOUringTests {
  /// How a request names its file and its memory.
  enum Naming: CaseIterable { case plain, registered }

  /// A ring, a file and blocks of memory, all registered or not.
  private struct Bench: ~Copyable {
    var ring: IOUring
    let file: TemporaryFile
    let memory: IOMemory
    let naming: Naming

    init(_ naming: Naming, capacity: Int, blockCount: Int, flags: Int32 = 0, event: Int32? = nil) throws {
      let file = try TemporaryFile(byteCount: 1 << 20, flags: flags)
      let memory = try IOMemory(blockCount: blockCount)
      var ring = try IOUring(capacity: capacity, eventDescriptor: event)
      if naming == .registered {
        try ring.registerFile(file.descriptor.rawValue, at: 3)
        try unsafe ring.registerBuffer(memory.base, byteCount: blockCount * 4096, at: 5)
      }
      self.ring = ring
      self.file = file
      self.memory = memory
      self.naming = naming
    }

    var name: IOUringFile {
      naming == .registered ? IOUringFile(registeredAt: 3) : IOUringFile(descriptor: file.descriptor.rawValue)
    }

    mutating func enqueue(_ direction: IOUring.Direction, block: Int, offset: UInt64, token: UInt64) {
      unsafe ring.enqueue(
        direction, file: name, base: memory.base + block * 4096, byteCount: 4096, offset: offset,
        registeredAt: naming == .registered ? 5 : nil, token: token)
    }
  }

  @Test(arguments: Naming.allCases)
  func `written and flushed data are read back`(naming: Naming) throws {
    var bench = try Bench(naming, capacity: 8, blockCount: 8)
    for block in 0..<4 { bench.memory.fill(block, UInt8(block + 1)) }
    for block in 0..<4 {
      bench.enqueue(
        block == 0 ? .durableWrite : .write, block: block, offset: UInt64(block * 4096), token: UInt64(block))
    }
    #expect(bench.ring.room == 4)
    bench.ring.submit()
    #expect(bench.ring.outstandingCount == 4)
    #expect(bench.ring.reapAll() == (0..<4).map { AIOCompletion(token: $0, result: 4096) })
    #expect(bench.ring.room == 8)

    bench.ring.enqueueFlush(file: bench.name, token: 99)
    // Two vectors in one request.
    unsafe bench.ring.enqueue(
      .read, file: bench.name, vectors: bench.memory.vector(4), vectorCount: 2, offset: 4096, token: 100)
    bench.ring.submit()
    #expect(
      bench.ring.reapAll() == [AIOCompletion(token: 99, result: 0), AIOCompletion(token: 100, result: 8192)])
    #expect(bench.memory.isFilled(4, 2))
    #expect(bench.memory.isFilled(5, 3))
  }

  @Test(arguments: Naming.allCases)
  func `O_DIRECT works, and the device's refusal of a misaligned request is a completion`(naming: Naming)
    throws
  {
    var bench: Bench
    do { bench = try Bench(naming, capacity: 4, blockCount: 2, flags: __O_DIRECT) } catch Errno
      .invalidArgument
    {
      return  // This file system has no O_DIRECT.
    }
    bench.memory.fill(0, 0xC3)
    bench.enqueue(.write, block: 0, offset: 8192, token: 1)
    bench.ring.submit()
    #expect(bench.ring.reapAll() == [AIOCompletion(token: 1, result: 4096)])
    bench.enqueue(.read, block: 1, offset: 8192, token: 2)
    bench.enqueue(.read, block: 1, offset: 8193, token: 3)
    bench.ring.submit()
    #expect(
      bench.ring.reapAll() == [
        AIOCompletion(token: 2, result: 4096), AIOCompletion(token: 3, result: Int64(-EINVAL)),
      ])
    #expect(bench.memory.isFilled(1, 0xC3))
  }

  @Test func `a refused request completes with its error and the rest of the batch goes on`() throws {
    let event = try EventDescriptor()
    var bench = try Bench(.plain, capacity: 8, blockCount: 1, event: event.rawValue)
    let readOnly = try OwnedDescriptor.open("/dev/zero", flags: O_RDONLY)
    let base = unsafe bench.memory.base
    let requests: [(IOUring.Direction, IOUringFile, UInt64)] = [
      (.read, IOUringFile(descriptor: -1), 0), (.read, bench.name, 0),
      (.write, IOUringFile(descriptor: readOnly.rawValue), 0), (.read, bench.name, 1 << 63),
      (.read, bench.name, 1 << 20), (.read, IOUringFile(registeredAt: 7), 0),
      (.read, bench.name, (1 << 20) - 100),
    ]
    for (token, request) in requests.enumerated() {
      unsafe bench.ring.enqueue(
        request.0, file: request.1, base: base, byteCount: 4096, offset: request.2, registeredAt: nil,
        token: UInt64(token))
    }
    bench.ring.submit()
    #expect(bench.ring.room == 1)
    #expect(
      bench.ring.reapAll().map(\.result) == [
        Int64(-EBADF), 4096, Int64(-EBADF), Int64(-EINVAL), 0 /* end of file */, Int64(-EBADF),
        100 /* short */,
      ])
    #expect(bench.ring.room == 8)
    // Refused or done, each completion was signalled.
    #expect(event.drain() >= 1)
  }

  @Test func `a range is zeroed or freed, and a descriptor that is not a file gives an error`() throws {
    var bench = try Bench(.plain, capacity: 4, blockCount: 2)
    bench.memory.fill(0, 7)
    bench.enqueue(.write, block: 0, offset: 0, token: 0)
    bench.enqueue(.write, block: 0, offset: 4096, token: 1)
    bench.ring.submit()
    _ = bench.ring.reapAll()
    bench.ring.enqueueRange(.punchHole, file: bench.name, offset: 0, byteCount: 4096, token: 2)
    bench.ring.enqueueRange(.zero, file: bench.name, offset: 4096, byteCount: 4096, token: 3)
    bench.ring.enqueueRange(.zero, file: IOUringFile(descriptor: -1), offset: 4096, byteCount: 4096, token: 4)
    bench.ring.submit()
    let results = bench.ring.reapAll().map(\.result)
    #expect(results == [0, 0, Int64(-EBADF)] || results == [0, Int64(-EOPNOTSUPP), Int64(-EBADF)])
    bench.enqueue(.read, block: 1, offset: 0, token: 5)
    bench.ring.submit()
    _ = bench.ring.reapAll()
    #expect(bench.memory.isFilled(1, 0))
  }

  @Test(arguments: Naming.allCases)
  func `many rounds of batches as large as the capacity keep every token`(naming: Naming) throws {
    let capacity = 32
    var bench = try Bench(naming, capacity: capacity, blockCount: capacity)
    var next: UInt64 = 0
    var seen: Set<UInt64> = []
    let total: UInt64 = 20_000
    while seen.count < Int(total) {
      while bench.ring.room > 0, next < total {
        bench.enqueue(.read, block: Int(next) % capacity, offset: next % 256 * 4096, token: next)
        next += 1
      }
      bench.ring.submit()
      // Some are left in the ring, so that head and tail meet everywhere.
      for _ in 0..<Int.random(in: 1...capacity) {
        guard let completion = bench.ring.reap() else { break }
        #expect(completion.result == 4096)
        #expect(seen.insert(completion.token).inserted)
      }
    }
    #expect(bench.ring.outstandingCount == 0)
    #expect(bench.ring.reap() == nil)
    #expect(seen == Set(0..<total))
  }

  @Test func `an idle ring has nothing to reap and submits nothing`() throws {
    var ring = try IOUring(capacity: 1)
    #expect(ring.reap() == nil)
    ring.submit()
    #expect(ring.reap() == nil)
    #expect(ring.room == 1)
  }

  @Test(arguments: [0, -1, 32_769, 1 << 40])
  func `a capacity that the kernel cannot have is refused`(capacity: Int) {
    #expect(throws: Errno.invalidArgument) { _ = try IOUring(capacity: capacity) }
  }

  @Test func `memory that cannot be registered is refused`() throws {
    var ring = try IOUring(capacity: 1)
    let memory = try IOMemory(blockCount: 1)
    #expect(throws: Errno.badFileDescriptor) { try ring.registerFile(1 << 20, at: 0) }
    #expect(throws: Errno.invalidArgument) { try ring.registerFile(0, at: IOUring.fileLimit) }
    #expect(throws: Errno.invalidArgument) {
      try unsafe ring.registerBuffer(memory.base, byteCount: 4096, at: IOUring.bufferLimit)
    }
    #expect(throws: Errno.invalidArgument) {
      try unsafe ring.registerBuffer(memory.base, byteCount: IOUring.bufferByteLimit + 1, at: 0)
    }
    let nowhere = unsafe try #require(UnsafeMutableRawPointer(bitPattern: 4096))
    #expect(throws: Errno.badAddress) { try unsafe ring.registerBuffer(nowhere, byteCount: 4096, at: 0) }
  }

  @Test func `requests in flight are waited for at the end of the ring's life`() throws {
    for round in 0..<50 {
      var bench = try Bench(round.isMultiple(of: 2) ? .plain : .registered, capacity: 16, blockCount: 16)
      for block in 0..<16 {
        bench.enqueue(block % 2 == 0 ? .write : .read, block: block, offset: UInt64(block * 4096), token: 0)
      }
      bench.ring.submit()
      // And some that were enqueued but never submitted.
      if bench.ring.reap() != nil { bench.ring.enqueueFlush(file: bench.name, token: 1) }
    }
    let after = try runOnThread { try IOUring(capacity: 1).room }
    #expect(after == 1)
  }

  @Test func `a signal of the event wakes a sleeping thread`() throws {
    let event = try EventDescriptor()
    var bench = try Bench(.registered, capacity: 2, blockCount: 1, event: event.rawValue)
    bench.ring.enqueueRange(.punchHole, file: bench.name, offset: 0, byteCount: 4096, token: 8)
    bench.ring.submit()
    event.wait()
    #expect(bench.ring.reapAll() == [AIOCompletion(token: 8, result: 0)])
  }
}

@Suite struct IOUringUnavailableTests {
  @Test func `each refusal names its reason`() {
    #expect(IOUringUnavailable(.noFunction, disabledLevel: 0) == .missing)
    #expect(IOUringUnavailable(.notPermitted, disabledLevel: 2) == .disabled(level: 2))
    #expect(IOUringUnavailable(.notPermitted, disabledLevel: 0) == .forbidden)
    #expect(IOUringUnavailable(.notPermitted, disabledLevel: nil) == .forbidden)
    #expect(IOUringUnavailable(.permissionDenied, disabledLevel: nil) == .forbidden)
    #expect(IOUringUnavailable(.invalidArgument, disabledLevel: 0) == .tooOld)
    #expect(IOUringUnavailable(.noMemory, disabledLevel: 0) == .lockedMemory)
    #expect(IOUringUnavailable(.tooManyOpenFiles, disabledLevel: 0) == .failed(.tooManyOpenFiles))
    #expect("\(IOUringUnavailable.disabled(level: 2))".contains("kernel.io_uring_disabled=2"))
    #expect("\(IOUringUnavailable.forbidden)".contains("seccomp"))
  }
}
