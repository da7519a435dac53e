import CFuse
import HostSystem
import Testing

@testable import FuseVext

/// The choice of the way of requests, and the memory in which they lie.
@Suite
struct FuseTransportTests {
  @Test func `requests come by rings if the kernel's parameter is on`() throws {
    for parameter in ["Y", "Y\n", "1"] {
      #expect(try FuseTransport.automatic.usesRings(parameter: parameter, checkRings: {}))
      #expect(try FuseTransport.ring.usesRings(parameter: parameter, checkRings: {}))
      #expect(try !FuseTransport.device.usesRings(parameter: parameter, checkRings: {}))
    }
  }

  @Test(
    arguments: [
      (nil, "Linux 6.14"), ("N", "fuse.enable_uring is N"), ("", "Linux 6.14"), ("0", "fuse.enable_uring"),
    ] as [(String?, String)])
  func `without the kernel's parameter only '-o io_uring' fails, in one line that names it`(
    parameter: String?, told: String
  ) throws {
    #expect(try !FuseTransport.automatic.usesRings(parameter: parameter, checkRings: {}))
    do throws(MountFailure) {
      _ = try FuseTransport.ring.usesRings(parameter: parameter, checkRings: {})
      Issue.record("rings were promised")
    } catch {
      #expect(error.exitCode == 4)
      #expect(error.description.contains("option 'io_uring'"))
      #expect(error.description.contains(told))
      #expect(error.description.contains("-o read"))
      #expect(!error.description.contains("\n"))
    }
  }

  @Test func `a process that may have no io_uring reads /dev/fuse, and says why where rings were asked for`()
    throws
  {
    func forbidden() throws(IOUringUnavailable) { throw .disabled(level: 2) }
    #expect(try !FuseTransport.automatic.usesRings(parameter: "Y", checkRings: forbidden))
    do throws(MountFailure) {
      _ = try FuseTransport.ring.usesRings(parameter: "Y", checkRings: forbidden)
      Issue.record("rings were promised")
    } catch {
      #expect(error.description.contains("kernel.io_uring_disabled=2"))
    }
  }

  @Test(arguments: [(16, 2), (1, 8), (3, 8), (8, 3), (16, 16), (1, 1)])
  func `every thread has a place in a queue, and every queue a place of a thread`(threads: Int, queues: Int) {
    let plan = FuseTransport.queues(threadCount: threads, queueCount: queues)
    #expect(plan.count == threads)
    #expect(plan.allSatisfy { !$0.isEmpty && Set($0).count == $0.count })
    #expect(Set(plan.joined()) == Set((0..<queues).map(UInt16.init)))
    let counts = plan.map(\.count)
    #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
  }

  // MARK: The memory of a request

  private func message() throws -> MessageBuffer {
    try MessageBuffer(MemoryDevice([UInt8](repeating: 0, count: 4096)))
  }

  /// Puts the parts of a request where the kernel puts them.
  private func put(
    _ message: MessageBuffer, length: Int, argument: [UInt8], payload: [UInt8], payloadByteCount: Int? = nil
  ) {
    var header = fuse_in_header()
    header.len = UInt32(length)
    header.opcode = 7
    header.unique = 18
    message.slot.store(header)
    message.slot.slice(128, 128).copy(from: argument)
    message.slot.store(UInt64(18), at: 264)
    message.slot.store(UInt32(payloadByteCount ?? payload.count), at: 272)
    message.payload.copy(from: payload)
  }

  @Test(arguments: [0, 8, 40, 128])
  func `the parts of a request become the message that read(2) would give`(argumentByteCount: Int) throws {
    let message = try message()
    let argument = [UInt8](repeating: 3, count: argumentByteCount)
    let payload = [UInt8](repeating: 5, count: 11)
    let length = 40 + argument.count + payload.count
    put(message, length: length, argument: argument, payload: payload)
    let whole = try #require(message.assemble())
    #expect(whole.count == length)
    #expect(whole.load(fuse_in_header.self).unique == 18)
    #expect(Array(whole.bytes[40...]) == argument + payload)
    #expect(message.payload.isAligned(to: 4096))
  }

  @Test(arguments: [(30, 0), (40 + 129, 0), (40, 1), (200, (1 << 20) + 1), (Int(UInt32.max), 0)])
  func `a request whose lengths contradict each other is refused`(length: Int, payload: Int) throws {
    let message = try message()
    put(message, length: length, argument: [], payload: [], payloadByteCount: payload)
    #expect(message.assemble() == nil)
  }

  @Test func `structures of FUSE over io_uring have the kernel's layout`() {
    #expect(MemoryLayout<cfuse_ring_header>.size == 288)
    #expect(MemoryLayout<cfuse_ring_header>.offset(of: \.argument) == 128)
    #expect(MemoryLayout<cfuse_ring_header>.offset(of: \.commit_id) == 264)
    #expect(MemoryLayout<cfuse_ring_header>.offset(of: \.payload_byte_count) == 272)
    #expect(MemoryLayout<cfuse_ring_command>.size == 24)
    #expect(MemoryLayout<cfuse_ring_command>.offset(of: \.queue) == 16)
  }
}
