import Testing

@testable import Hypervisor

/// Entries of a directory as the kernel writes them.
@Suite struct NinePRecordTests {
  /// A record of `byteCount` bytes with this name.
  private static func record(_ name: String, byteCount: Int) -> [UInt8] {
    let buffer = HostBuffer(byteCount: byteCount)
    buffer.storeLittleEndian(77 as UInt64, at: 0)
    buffer.storeLittleEndian(88 as Int64, at: 8)
    buffer.storeLittleEndian(UInt16(byteCount), at: 16)
    buffer.storeLittleEndian(NinePDirectoryRecord.directory, at: 18)
    buffer.store(Array(name.utf8), at: 19)
    return buffer.bytes(buffer.all)
  }

  @Test func `a record is taken apart, and the next one follows it`() throws {
    let buffer = HostBuffer(Self.record("ab", byteCount: 24) + Self.record("..", byteCount: 32))
    let first = try #require(NinePDirectoryRecord(buffer, buffer.all))
    #expect(first.inode == 77 && first.nextPosition == 88 && first.type == NinePDirectoryRecord.directory)
    #expect(first.name == Array("ab".utf8) && !first.isParent)
    let second = try #require(NinePDirectoryRecord(buffer, first.byteCount..<buffer.byteCount))
    #expect(second.isParent && second.byteCount == 32)
    #expect(NinePDirectoryRecord(buffer, buffer.byteCount..<buffer.byteCount) == nil)
  }

  @Test func `a record without a zero ends with its length, and one longer than its buffer is nil`() throws {
    let buffer = HostBuffer(Self.record("abcde", byteCount: 24))
    #expect(try #require(NinePDirectoryRecord(buffer, buffer.all)).name == Array("abcde".utf8))
    for byteCount in [0, 19, 25, UInt16.max] as [UInt16] {
      buffer.storeLittleEndian(byteCount, at: 16)
      #expect(NinePDirectoryRecord(buffer, buffer.all) == nil)
    }
  }
}
