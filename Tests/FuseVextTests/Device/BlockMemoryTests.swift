import CExt2
import Synchronization
import Testing

@testable import FuseVext

@Suite
struct BlockMemoryTests {
  private final class Releases: Sendable {
    let count = Atomic<Int>(0)
    var seen: Int { count.load(ordering: .relaxed) }
  }

  @Test func `a part of a buffer keeps the buffer`() throws {
    let releases = Releases()
    let base = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 4096)
    var buffer: BlockBuffer? = unsafe BlockBuffer(base: base, byteCount: 4096) {
      releases.count.add(1, ordering: .relaxed)
      unsafe base.deallocate()
    }
    var part = buffer?.slice(100, 50)
    buffer = nil
    #expect(releases.seen == 0)
    part?.fill(with: 7)
    #expect(part?.bytes == [UInt8](repeating: 7, count: 50))
    part = nil
    #expect(releases.seen == 1)
  }

  @Test func `parts of parts share the buffer's bytes`() throws {
    let buffer = try BlockBuffer(byteCount: 4096)
    let part = buffer.slice(1000, 100)
    part.copy(from: (0..<100).map { UInt8($0) })
    #expect(part.slice(10, 5).bytes == [10, 11, 12, 13, 14])
    part.slice(20, 10).copy(from: part.slice(15, 10))
    #expect(buffer.slice(1018, 4).bytes == [18, 19, 15, 16])
    part.store(UInt32(0x0403_0201), at: 95)
    #expect(part.slice(94, 6).bytes == [94, 1, 2, 3, 4, 99])
    #expect(part.load(UInt16.self, at: 96) == 0x0302)
  }

  @Test func `an address outside a buffer has no part of it`() throws {
    let buffer = try BlockBuffer(byteCount: 4096)
    let start = unsafe UnsafeRawPointer(buffer.unsafeBytes(0, 0).baseAddress.unsafelyUnwrapped)
    #expect(unsafe buffer.slice(at: start + 96, 4000)?.offset == 96)
    #expect(unsafe buffer.slice(at: start + 97, 4000) == nil)
    #expect(unsafe buffer.slice(at: start - 1, 1) == nil)
    #expect(unsafe buffer.slice(at: start + 4097, 0) == nil)
    #expect(unsafe buffer.slice(at: start, -1) == nil)
  }

  @Test func `fields that C has in unions are read and written at their places`() {
    var inode = Inode(number: 12)
    inode.setOwner(user: 0x1234_5678, group: 0x9ABC_DEF0)
    #expect(unsafe cext2_user(&inode.raw) == 0x1234_5678)
    #expect(unsafe cext2_group(&inode.raw) == 0x9ABC_DEF0)
    #expect(inode.user == 0x1234_5678)
    #expect(inode.group == 0x9ABC_DEF0)
    inode.raw.i_blocks = 1
    inode.raw.i_file_acl = 2
    unsafe inode.raw.osd2.linux2.l_i_blocks_hi = 3
    unsafe inode.raw.osd2.linux2.l_i_file_acl_high = 4
    #expect(inode.unitCount == 3 << 32 | 1)
    #expect(inode.attributeBlock == 4 << 32 | 2)
    inode.setBlockBytes((1...60).map { UInt8($0) })
    #expect(inode.raw.i_block.0 == 0x0403_0201)
    #expect(inode.raw.i_block.14 == 0x3C3B_3A39)
    #expect(inode.blockBytes == (1...60).map { UInt8($0) })
  }

  @Test(arguments: [UInt64(0x0102), 0x1_2345, 0xABC0_1234])
  func `a device number that is written is read again`(number: UInt64) {
    var inode = Inode(number: 12)
    inode.device = number
    #expect(inode.device == number)
  }

  @Test func `the places of the superblock's names are those of the C structure`() {
    #expect(MemoryLayout<ext2_super_block>.size == 1024)
    #expect(MemoryLayout<ext2_super_block>.offset(of: \.s_uuid) == 0x68)
    #expect(MemoryLayout<ext2_super_block>.offset(of: \.s_volume_name) == 0x78)
    #expect(MemoryLayout<ext2_super_block>.offset(of: \.s_checksum) == 1020)
  }
}
