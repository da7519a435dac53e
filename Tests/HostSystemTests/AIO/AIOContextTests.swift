import CLinux
import Glibc
import SystemPackage
import Testing

@testable import HostSystem

@Suite struct AIOContextTests {
  /// Whether completions are reaped from the ring or, as on a kernel with an unknown ring, by system call.
  private static let waysOfReaping = [true, false]

  @Test("written and flushed data are read back", arguments: waysOfReaping)
  func roundTrip(reapsFromRing: Bool) throws {
    let file = try TemporaryFile(byteCount: 1 << 20)
    var context = try AIOContext(capacity: 8, eventDescriptor: nil, reapsFromRing: reapsFromRing)
    let memory = try IOMemory(blockCount: 8)
    for block in 0..<4 { memory.fill(block, UInt8(block + 1)) }
    for block in 0..<4 {
      unsafe context.enqueueWrite(
        descriptor: file.descriptor.rawValue, vectors: memory.vector(block), vectorCount: 1,
        offset: UInt64(block * 4096), token: UInt64(block))
    }
    #expect(context.room == 4)
    context.submit()
    #expect(context.outstandingCount == 4)
    #expect(context.reapAll() == (0..<4).map { AIOCompletion(token: $0, result: 4096) })
    #expect(context.room == 8)

    context.enqueueFlush(descriptor: file.descriptor.rawValue, token: 99)
    // Two vectors in one request.
    unsafe context.enqueueRead(
      descriptor: file.descriptor.rawValue, vectors: memory.vector(4), vectorCount: 2, offset: 4096,
      token: 100)
    context.submit()
    #expect(
      context.reapAll() == [AIOCompletion(token: 99, result: 0), AIOCompletion(token: 100, result: 8192)])
    #expect(memory.isFilled(4, 2))
    #expect(memory.isFilled(5, 3))
  }

  @Test("O_DIRECT works, and the device's refusal of a misaligned request is a completion")
  func direct() throws {
    let file: TemporaryFile
    do { file = try TemporaryFile(byteCount: 1 << 20, flags: __O_DIRECT) } catch Errno.invalidArgument {
      return  // This file system has no O_DIRECT.
    }
    var context = try AIOContext(capacity: 4)
    let memory = try IOMemory(blockCount: 2)
    memory.fill(0, 0xC3)
    unsafe context.enqueueWrite(
      descriptor: file.descriptor.rawValue, vectors: memory.vector(0), vectorCount: 1, offset: 8192, token: 1)
    context.submit()
    #expect(context.reapAll() == [AIOCompletion(token: 1, result: 4096)])
    unsafe context.enqueueRead(
      descriptor: file.descriptor.rawValue, vectors: memory.vector(1), vectorCount: 1, offset: 8192, token: 2)
    unsafe context.enqueueRead(
      descriptor: file.descriptor.rawValue, vectors: memory.vector(1), vectorCount: 1, offset: 8193, token: 3)
    context.submit()
    #expect(
      context.reapAll() == [
        AIOCompletion(token: 2, result: 4096), AIOCompletion(token: 3, result: Int64(-EINVAL)),
      ])
    #expect(memory.isFilled(1, 0xC3))
  }

  @Test(
    "a refused request completes with its error and the rest of the batch goes on", arguments: waysOfReaping)
  func refusals(reapsFromRing: Bool) throws {
    let file = try TemporaryFile(byteCount: 8192)
    let readOnly = try OwnedDescriptor.open("/dev/zero", flags: O_RDONLY)
    let event = try EventDescriptor()
    var context = try AIOContext(capacity: 8, eventDescriptor: event.rawValue, reapsFromRing: reapsFromRing)
    let memory = try IOMemory(blockCount: 1)
    let requests: [(descriptor: Int32, isWrite: Bool, offset: UInt64)] = [
      (-1, false, 0), (file.descriptor.rawValue, false, 0), (readOnly.rawValue, true, 0),
      (file.descriptor.rawValue, false, 1 << 63), (file.descriptor.rawValue, false, 8192),
    ]
    for (token, request) in requests.enumerated() {
      if request.isWrite {
        unsafe context.enqueueWrite(
          descriptor: request.descriptor, vectors: memory.vector(0), vectorCount: 1, offset: request.offset,
          token: UInt64(token))
      } else {
        unsafe context.enqueueRead(
          descriptor: request.descriptor, vectors: memory.vector(0), vectorCount: 1, offset: request.offset,
          token: UInt64(token))
      }
    }
    context.submit()
    #expect(context.room == 3)
    let results = context.reapAll().map(\.result)
    #expect(
      results == [
        Int64(-EBADF), 4096, Int64(-EBADF), Int64(-EINVAL), 0 /* end of file */,
      ])
    #expect(context.room == 8)
    // Refused or done, each completion was signalled.
    #expect(event.drain() == 5)
  }

  @Test("many rounds of batches as large as the capacity keep every token", arguments: waysOfReaping)
  func manyRounds(reapsFromRing: Bool) throws {
    let file = try TemporaryFile(byteCount: 1 << 20)
    let capacity = 32
    var context = try AIOContext(capacity: capacity, eventDescriptor: nil, reapsFromRing: reapsFromRing)
    let memory = try IOMemory(blockCount: capacity)
    var next: UInt64 = 0
    var seen: Set<UInt64> = []
    let total: UInt64 = 20_000
    // More than the capacity is offered all the time; the ring wraps around many times.
    while seen.count < Int(total) {
      while context.room > 0, next < total {
        unsafe context.enqueueRead(
          descriptor: file.descriptor.rawValue, vectors: memory.vector(Int(next) % capacity), vectorCount: 1,
          offset: next % 256 * 4096, token: next)
        next += 1
      }
      context.submit()
      // Some are left in the ring, so that head and tail meet everywhere.
      for _ in 0..<Int.random(in: 1...capacity) {
        guard let completion = context.reap() else { break }
        #expect(completion.result == 4096)
        #expect(seen.insert(completion.token).inserted)
      }
    }
    #expect(context.outstandingCount == 0)
    #expect(context.reap() == nil)
    #expect(seen == Set(0..<total))
  }

  @Test("a request without an eventfd signals none, and counts until it is reaped", arguments: waysOfReaping)
  func unsignalled(reapsFromRing: Bool) throws {
    let file = try TemporaryFile(byteCount: 1 << 20)
    let event = try EventDescriptor()
    var context = try AIOContext(capacity: 8, eventDescriptor: event.rawValue, reapsFromRing: reapsFromRing)
    let memory = try IOMemory(blockCount: 3)
    let descriptor = file.descriptor.rawValue
    unsafe context.enqueueRead(
      descriptor: descriptor, vectors: memory.vector(0), vectorCount: 1, offset: 0, token: 1, signals: false)
    unsafe context.enqueueWrite(
      descriptor: descriptor, vectors: memory.vector(1), vectorCount: 1, offset: 4096, token: 2,
      signals: false)
    // A refusal is a completion as well.
    unsafe context.enqueueRead(
      descriptor: -1, vectors: memory.vector(2), vectorCount: 1, offset: 0, token: 1 << 63 - 1, signals: false
    )
    #expect(context.unsignalledCount == 3)
    context.submit()
    #expect(
      context.reapAll() == [
        AIOCompletion(token: 1, result: 4096), AIOCompletion(token: 2, result: 4096),
        AIOCompletion(token: 1 << 63 - 1, result: Int64(-EBADF)),
      ])
    #expect(context.unsignalledCount == 0)
    // The refusal told the owner, who may be about to sleep; the two others did not.
    #expect(event.drain() == 1)
    unsafe context.enqueueRead(
      descriptor: descriptor, vectors: memory.vector(0), vectorCount: 1, offset: 0, token: 3)
    #expect(context.unsignalledCount == 0)
    context.submit()
    #expect(context.reapAll() == [AIOCompletion(token: 3, result: 4096)])
    #expect(event.drain() == 1)
  }

  @Test("an idle context has nothing to reap and submits nothing")
  func idle() throws {
    var context = try AIOContext(capacity: 1)
    #expect(context.reap() == nil)
    context.submit()
    #expect(context.reap() == nil)
    #expect(context.room == 1)
  }

  @Test("the kernel's ring is the one that this code knows")
  func ring() throws {
    let context = try AIOContext(capacity: 4)
    #expect(unsafe context.ring != nil)
  }

  @Test("a capacity that the kernel cannot have is refused", arguments: [0, -1, 1 << 40])
  func impossibleCapacities(capacity: Int) {
    #expect(throws: Errno.invalidArgument) { _ = try AIOContext(capacity: capacity) }
  }

  @Test("requests in flight are waited for at the end of the context's life")
  func endOfLife() throws {
    let file = try TemporaryFile(byteCount: 1 << 20, flags: 0)
    let memory = try IOMemory(blockCount: 16)
    for _ in 0..<50 {
      var context = try AIOContext(capacity: 16)
      for block in 0..<16 {
        unsafe context.enqueueWrite(
          descriptor: file.descriptor.rawValue, vectors: memory.vector(block), vectorCount: 1,
          offset: UInt64(block * 4096), token: 0)
      }
      context.enqueueOnlyIfRoom(file.descriptor.rawValue)
      context.submit()
    }
    // Contexts that were left behind would exhaust fs.aio-max-nr, which is counted in requests.
    let limit = try runOnThread { try AIOContext(capacity: 1).room }
    #expect(limit == 1)
  }
}

extension AIOContext {

  fileprivate mutating func enqueueOnlyIfRoom(_ descriptor: Int32) {
    if room > 0 { enqueueFlush(descriptor: descriptor, token: 1) }
  }
}
