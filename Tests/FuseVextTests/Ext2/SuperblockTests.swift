import CExt2
import Glibc
import SystemPackage
import Testing

@testable import FuseVext

/// Superblocks with numbers that nobody should believe.
@Suite(.serialized)
struct SuperblockTests {
  /// A field, by its offset in the superblock, and what is written there.
  struct Damage: Sendable {
    let field: String
    let offset: Int
    let bytes: [UInt8]
  }

  /// The refusals are those of the kernel, or of e2fsck where libext2fs would believe the number.
  @Test(arguments: [
    Damage(field: "s_inodes_count", offset: 0, bytes: [0xff, 0xff, 0xff, 0xff]),
    Damage(field: "s_first_data_block", offset: 20, bytes: [7, 0, 0, 0]),
    Damage(field: "s_log_block_size", offset: 24, bytes: [40, 0, 0, 0]),
    Damage(field: "s_log_cluster_size", offset: 28, bytes: [31, 0, 0, 0]),
    Damage(field: "s_blocks_per_group", offset: 32, bytes: [0, 0, 0, 0]),
    Damage(field: "s_blocks_per_group", offset: 32, bytes: [8, 0, 0, 0, 8, 0, 0, 0]),
    Damage(field: "s_clusters_per_group", offset: 36, bytes: [0xf8, 0xff, 0xff, 0xff]),
    Damage(field: "s_inodes_per_group", offset: 40, bytes: [0, 0, 0, 0]),
    Damage(field: "s_inodes_per_group", offset: 40, bytes: [0xf8, 0xff, 0, 0]),
    Damage(field: "s_rev_level", offset: 76, bytes: [9, 0, 0, 0]),
    Damage(field: "s_first_ino", offset: 84, bytes: [0, 0, 0, 0]),
    Damage(field: "s_first_ino", offset: 84, bytes: [0xff, 0xff, 0xff, 0xff]),
    Damage(field: "s_inode_size", offset: 88, bytes: [0, 0]),
    Damage(field: "s_inode_size", offset: 88, bytes: [0xff, 0]),
    Damage(field: "s_inode_size", offset: 88, bytes: [0, 0x80]),
    Damage(field: "s_reserved_gdt_blocks", offset: 0xCE, bytes: [0xff, 0xff]),
    Damage(field: "s_desc_size", offset: 0xFE, bytes: [33, 0]),
    Damage(field: "s_desc_size", offset: 0xFE, bytes: [0, 0x80]),
    Damage(field: "s_log_groups_per_flex", offset: 0x174, bytes: [200]),
  ])
  func `a number that contradicts the format is refused`(damage: Damage) throws {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -b 1024 -O 64bit,^metadata_csum")
    try ImageBytes.write(damage.bytes, to: disk.image, at: 1024 + damage.offset)
    for readOnly in [true, false] {
      #expect(throws: MountFailure.corrupted(disk.image), "\(damage.field)") {
        _ = try InputTests.open(disk.image, readOnly: readOnly)
      }
    }
  }

  @Test(arguments: [
    Damage(field: "s_r_blocks_count", offset: 8, bytes: [0xff, 0xff, 0xff, 0xff]),
    Damage(field: "s_free_blocks_count", offset: 12, bytes: [0xff, 0xff, 0xff, 0xff]),
    Damage(field: "s_free_inodes_count", offset: 16, bytes: [0xff, 0xff, 0xff, 0xff]),
    Damage(field: "s_r_blocks_count_hi", offset: 0x154, bytes: [0xff, 0xff, 0xff, 0xff]),
    Damage(field: "s_free_blocks_hi", offset: 0x158, bytes: [0xff, 0xff, 0xff, 0xff]),
    Damage(field: "s_want_extra_isize", offset: 0x15E, bytes: [0xff, 0xff]),
    Damage(field: "s_mmp_block", offset: 0x168, bytes: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    Damage(field: "s_journal_inum", offset: 0xE0, bytes: [0xff, 0xff, 0xff, 0xff]),
    Damage(field: "s_last_orphan", offset: 0xE8, bytes: [0xff, 0xff, 0xff, 0xff]),
    Damage(field: "s_overhead_clusters", offset: 0x248, bytes: [0xff, 0xff, 0xff, 0xff]),
  ])
  func `a count that another structure contradicts is not believed`(damage: Damage) throws {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -b 1024 -O 64bit,^metadata_csum")
    let (old, oldWorker) = try InputTests.open(disk.image, readOnly: true)
    let before = try old.statistics(oldWorker)
    try ImageBytes.write(damage.bytes, to: disk.image, at: 1024 + damage.offset)
    let (fileSystem, resources) = try InputTests.open(disk.image, readOnly: true)
    let after = try fileSystem.statistics(resources)
    #expect(after.f_bfree == before.f_bfree, "\(damage.field)")
    #expect(after.f_ffree == before.f_ffree)
    #expect(after.f_blocks >= before.f_blocks)
    #expect(after.f_bavail <= after.f_bfree)
  }

  @Test(arguments: [0, 4, 8])
  func `a group whose structures lie elsewhere is refused`(offset: Int) throws {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -b 1024 -O ^metadata_csum,^64bit")
    // The second group's descriptor: its bitmaps and its inode table.
    try ImageBytes.write([0xff, 0x3f, 0, 0], to: disk.image, at: 2048 + 32 + offset)
    if offset < 8 { try ImageBytes.write([0xff, 0xff, 0, 0], to: disk.image, at: 2048 + 32 + offset) }
    #expect(throws: MountFailure.corrupted(disk.image)) {
      _ = try InputTests.open(disk.image, readOnly: true)
    }
  }

  @Test func `a superblock for a device of 1 TiB that is empty is refused at its first group`() throws {
    let disk = MountedImage(
      megabytes: 16, make: "mkfs.ext4 -q -F -b 1024 -g 256 -O 64bit,^metadata_csum,^resize_inode")
    Command.run("truncate -s 1T '\(disk.image)'")
    let groups = (UInt64(1) << 40 - UInt64(1) << 30) / 1024 / 256
    let blocks = groups * 256 + 1
    func bytes(_ number: UInt64, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
    }
    let superblock = try ImageBytes.read(disk.image, offset: 1024, count: 1024)
    let inodesPerGroup = UInt64(superblock[40]) | UInt64(superblock[41]) << 8
    try ImageBytes.write(bytes(groups * inodesPerGroup, 4), to: disk.image, at: 1024)
    try ImageBytes.write(bytes(blocks, 4), to: disk.image, at: 1024 + 4)
    try ImageBytes.write(bytes(blocks >> 32, 4), to: disk.image, at: 1024 + 0x150)
    #expect(throws: MountFailure.corrupted(disk.image)) { _ = try InputTests.open(disk.image) }
  }
}
