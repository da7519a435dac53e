import HostSystem
import Hypervisor
import SystemPackage
import Testing
import VextProtocol

@testable import VextClient

/// One after the other: each has a thread that polls.
@Suite(.serialized)
struct VextQueueFailureTests {
  private static let shortTimeout = VextWaitPolicy(
    spinCount: 10, yieldCount: 10, timeoutNanoseconds: 50_000_000)

  @Test func `an error of the storage fails the request and not the queue`() throws {
    let fixture = try ClientFixture()
    let queue = try fixture.device.makeQueue()
    fixture.truncateDisk(to: 1 << 20)
    #expect(throws: Errno.ioError) { _ = try queue.read(at: 1 << 20, byteCount: 4096) }
    #expect(try queue.read(at: 0, byteCount: 4096) == ClientFixture.pattern(0, 4096))
  }

  @Test func `a queue that the device stopped fails everything with EIO until it is reset`() throws {
    let fixture = try ClientFixture()
    let queue = try fixture.device.makeQueue()
    let slot = try queue.beginRequest()
    queue.push(VextSubmissionEntry(operation: 99, id: 0), byteCount: 0, request: slot)
    let id = queue.endSubmission(slot)
    #expect(throws: Errno.ioError) { try queue.wait(for: id) }
    #expect(queue.failure == .ioError)
    #expect(throws: Errno.ioError) { _ = try queue.read(at: 0, byteCount: 512) }
    #expect(throws: Errno.ioError) { try queue.flush() }
    try queue.reset()
    #expect(try queue.read(at: 0, byteCount: 512) == ClientFixture.pattern(0, 512))
  }

  @Test func `another queue of the device does not notice`() throws {
    let fixture = try ClientFixture()
    let (broken, sound) = (try fixture.device.makeQueue(), try fixture.device.makeQueue())
    let slot = try broken.beginRequest()
    broken.push(VextSubmissionEntry(operation: 99, id: 0), byteCount: 0, request: slot)
    let id = broken.endSubmission(slot)
    #expect(throws: Errno.ioError) { try broken.wait(for: id) }
    #expect(try sound.read(at: 0, byteCount: 512) == ClientFixture.pattern(0, 512))
  }

  @Test func `a device that was reset behind the client's back fails its queue with EIO`() throws {
    let fixture = try ClientFixture()
    let queue = try fixture.device.makeQueue()
    fixture.device.registers.store32(VextRegister.reset, 1)
    #expect(throws: Errno.ioError) { _ = try queue.read(at: 0, byteCount: 512) }
    try queue.reset()
    #expect(try queue.read(at: 0, byteCount: 512) == ClientFixture.pattern(0, 512))
  }

  @Test
  func `no answer in time fails the queue with ETIMEDOUT, and its buffers stay taken until it is reset`()
    throws
  {
    let fixture = try ClientFixture(isServed: false, waitPolicy: Self.shortTimeout)
    let queue = try fixture.device.makeQueue()
    let pool = fixture.device.pool
    let before = pool.freeByteCount
    do {
      let buffer = try pool.allocate(byteCount: 16 << 10)
      #expect(throws: Errno.timedOut) { try queue.read(at: 0, into: buffer) }
    }
    #expect(throws: Errno.timedOut) { _ = try queue.read(at: 0, byteCount: 512) }
    #expect(pool.freeByteCount == before - 16 << 10)
    try queue.reset()
    #expect(queue.failure == nil)
    #expect(pool.freeByteCount == before)
  }

  @Test func `requests of which a part timed out end together`() throws {
    let fixture = try ClientFixture(scattered: true, isServed: false, waitPolicy: Self.shortTimeout)
    let queue = try fixture.device.makeQueue(depth: 2)
    let pool = fixture.device.pool
    let before = pool.freeByteCount
    // More entries than the queue has room for: submission itself waits, and gives up.
    let bytes = try unsafe pool.allocateBytes(byteCount: 4 * 256 * 4096 / 2)
    let id = try unsafe queue.submitRead(at: 0, into: bytes)
    let other = try? queue.submitFlush()
    #expect(throws: Errno.timedOut) { try queue.waitForAll() }
    #expect(throws: Errno.invalidArgument) { try queue.wait(for: id) }
    if let other { #expect(throws: Errno.invalidArgument) { try queue.wait(for: other) } }
    unsafe pool.deallocate(bytes)
    try queue.reset()
    // The lists stay with their ids.
    #expect(pool.freeByteCount >= before - 2 * 4096)
  }

  @Test func `an outcome that is not taken before a reset is ECANCELED`() throws {
    let fixture = try ClientFixture(isServed: false, waitPolicy: Self.shortTimeout)
    let queue = try fixture.device.makeQueue()
    let id = try queue.submitFlush()
    try queue.reset()
    #expect(throws: Errno.canceled) { try queue.wait(for: id) }
  }

  @Test func `an answer to nothing fails the queue`() throws {
    let fixture = try ClientFixture(isServed: false)
    let queue = try fixture.device.makeQueue()
    let id = try queue.submitFlush()
    // A device model that answers what nobody asked: an entry in the ring that the client reads next.
    queue.forgeAnswer(VextCompletionEntry(id: 63, status: 0, byteCount: 0))
    #expect(throws: Errno.ioError) { try queue.wait(for: id) }
  }

  @Test func `a queue goes away with requests in flight`() throws {
    let fixture = try ClientFixture(engine: .libaio)
    let pool = fixture.device.pool
    let before = pool.freeByteCount
    let bytes = try unsafe pool.allocateBytes(byteCount: 1 << 20)
    do {
      let queue = try fixture.device.makeQueue()
      _ = try unsafe queue.submitRead(at: 0, into: bytes)
      _ = try unsafe queue.submitRead(at: 1 << 20, into: bytes)
    }
    unsafe pool.deallocate(bytes)
    #expect(pool.freeByteCount == before)
  }
}
