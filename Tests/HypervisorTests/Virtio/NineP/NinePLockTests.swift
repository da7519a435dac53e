import CLinux
import Glibc
import HostSystem
import Hypervisor
import Testing

/// Locks of a share that the guest may only read: they stop nobody on the host.
@Suite struct NinePLockTests {
  private typealias T = NinePClient.T
  private let directory = NinePTemporaryDirectory()

  private func lock(
    _ client: NinePClient, _ fid: UInt32, _ type: UInt8, _ start: UInt64 = 0, _ length: UInt64 = 0
  ) throws -> UInt8 {
    let message = NinePMessage().u32(fid).u8(type).u32(0).u64(start).u64(length).u32(42).string("guest")
    var answer = try client.call(T.lock, message)
    return answer.u8()
  }

  private func obstacle(_ client: NinePClient, _ fid: UInt32, _ type: UInt8) throws -> [UInt64] {
    let message = NinePMessage().u32(fid).u8(type).u64(0).u64(0).u32(7).string("guest")
    var answer = try client.call(T.getlock, message)
    return [UInt64(answer.u8()), answer.u64(), answer.u64(), UInt64(answer.u32())]
  }

  @Test func `a guest that may only read does not hold the host's lock, nor wait for it`() throws {
    directory.write("lock", "text")
    let host = try OwnedDescriptor.open(directory.path("lock"), flags: O_RDWR)
    let client = try NinePClient(directory, readOnly: true)
    let fid = try client.open(["lock"])
    #expect(try lock(client, fid, 1) == 0)
    #expect(linux_lock(host.rawValue, F_WRLCK, 0, 0) == 0)
    #expect(try lock(client, fid, 2) == 0)
    #expect(try lock(client, fid, 0) == 0)
  }

  @Test func `they hold between the fids of a session, range by range`() throws {
    directory.write("lock", "text")
    let client = try NinePClient(directory, readOnly: true)
    let (first, second) = (try client.open(["lock"]), try client.open(["lock"]))
    #expect(try lock(client, first, 1, 10, 10) == 0)
    #expect(try lock(client, second, 0, 15, 1) == 1)
    #expect(try lock(client, second, 0, 20, 0) == 0)
    #expect(try obstacle(client, second, 0) == [1, 10, 10, 42])
    // The middle is given back; both sides stay, the second as a read lock.
    #expect(try lock(client, first, 2, 14, 2) == 0)
    #expect(try lock(client, first, 0, 16, 4) == 0)
    #expect(try lock(client, second, 1, 14, 2) == 0)
    #expect(try lock(client, second, 0, 16, 4) == 0)
    #expect(try lock(client, second, 1, 16, 4) == 1)
    #expect(try lock(client, second, 1, 13, 1) == 1)
    #expect(try obstacle(client, first, 1) == [1, 14, 2, 42])
    // The end of the fid is the end of its locks.
    try client.clunk(second)
    #expect(try obstacle(client, first, 1) == [2, 0, 0, 7])
    #expect(throws: NinePRefusal(EINVAL)) { try lock(client, first, 0, 1 << 62, 1 << 62 + 2) }
    #expect(try lock(client, first, 1, UInt64(Int64.max), 1) == 0)
  }

  @Test func `their number is bounded`() throws {
    directory.write("lock", "text")
    let client = try NinePClient(directory, readOnly: true)
    let fid = try client.open(["lock"])
    for index in 0..<4096 as Range<UInt64> { #expect(try lock(client, fid, 1, index * 2, 1) == 0) }
    #expect(throws: NinePRefusal(ENOLCK)) { try lock(client, fid, 1, 10_000, 1) }
    // All of it at once is one lock in place of many.
    #expect(try lock(client, fid, 1) == 0)
    #expect(try lock(client, fid, 2, 5, 1) == 0)
  }
}
