import CExt2
import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing

@testable import FuseVext

/// Files of ext2's and ext3's block pointers, with blocks of 1 KiB: the pointer blocks of 256 pointers each are for the
/// blocks from 12, 268 and 65,804 on.
@Suite(.serialized)
struct BlockMapTests {
  private let disk: MountedImage
  private let device: FileDevice
  private let resources: ServingResources
  private let fileSystem: FileSystem
  private let inode: OpenInode

  init() throws {
    disk = MountedImage(make: "mkfs.ext2 -q -F -b 1024")
    device = try FileDevice(path: disk.image, readOnly: false)
    resources = try ServingResources(device: device)
    fileSystem = try FileSystem(device: device, resources: resources, readOnly: false)
    try fileSystem.begin(resources)
    let file = try fileSystem.create(
      Array("file".utf8), in: FileSystem.root, NewInode(mode: 0o100644, user: 0, group: 0), resources)
    inode = fileSystem.openInode(file.number)
  }

  private func write(_ blocks: Range<UInt64>) throws {
    var first = blocks.lowerBound
    while first < blocks.upperBound {
      let count = min(blocks.upperBound - first, 64)
      let bytes = resources.zeros.slice(0, Int(count) * 1024)
      for index in 0..<Int(count) {
        bytes.store(first + UInt64(index), at: index * 1024)
      }
      try fileSystem.write(inode, offset: first * 1024, bytes, resources)
      first += count
    }
  }

  /// What the disk has of the file.
  private func runs() throws -> [Run] {
    try fileSystem.inspect(resources) { (metadata) throws(Errno) in
      try metadata.blockMapRuns(of: try metadata.inode(inode.number))
    }
  }

  private func blocks() throws -> Set<UInt64> {
    Set(try runs().flatMap { Array($0.logical..<$0.logicalEnd) })
  }

  private func end() throws {
    try fileSystem.close(resources)
    disk.expectClean()
  }

  /// A hole in a pointer block that is not the first below its own takes what is behind it along in libext2fs 1.47
  /// (`ext2fs_punch`), which subtracts the block's place from the hole's length. The file here went on to use the blocks
  /// that it had lost, even after another file had got them.
  @Test func `a hole in a later pointer block frees no block behind it`() throws {
    try write(0..<1500)
    try fileSystem.synchronize(inode, resources)
    try fileSystem.changeSpace(.punchHole, of: inode, offset: 1000 * 1024, byteCount: 1024, resources)
    #expect(try blocks() == Set(0..<1500).subtracting([1000]))
    try end()
  }

  @Test(
    arguments: [
      0..<12, 7..<17, 12..<17, 10..<300, 12..<268, 267..<269, 268..<524, 500..<1100, 5..<1490, 600..<70_000,
      65_800..<65_810, 65_804..<66_060, 66_000..<66_100, 0..<70_000, 300..<65_900,
    ] as [Range<UInt64>])
  func `a hole frees exactly its range, whatever levels it begins and ends in`(hole: Range<UInt64>) throws {
    let written = [0..<1500, 65_700..<66_700] as [Range<UInt64>]
    for range in written { try write(range) }
    try fileSystem.synchronize(inode, resources)
    let byteCount = (hole.upperBound - hole.lowerBound) * 1024
    try fileSystem.changeSpace(
      .punchHole, of: inode, offset: hole.lowerBound * 1024, byteCount: byteCount, resources)
    let rest = Set(written.flatMap { Array($0) }).subtracting(hole)
    #expect(try blocks() == rest)
    for block in rest {
      let bytes = try fileSystem.read(inode, offset: block * 1024, byteCount: 8, resources)
      #expect(bytes.load(UInt64.self) == block)
    }
    // e2fsck counts the pointer blocks that are left.
    try end()
  }

  @Test func `blocks reserved in memory are free on the disk, and no other file gets them`() throws {
    let before = try fileSystem.statistics(resources).f_bfree
    try write(0..<300)
    // 300 blocks, a pointer block for 256 of them, and two for the 32 behind.
    #expect(try fileSystem.statistics(resources).f_bfree == before - 303)
    #expect(try fileSystem.attributes(of: inode.number, resources).st_blocks == 606)
    let counted = try fileSystem.inspect(resources) { (metadata) throws(Errno) in
      let reserved = metadata.reserved.ranges(in: 0..<metadata.blockCount)
      #expect(reserved.reduce(0) { $0 + $1.count } == 300)
      return metadata.library.freeBlockCount
    }
    #expect(counted == before)
    try fileSystem.commit(inode, resources)
    #expect(try fileSystem.statistics(resources).f_bfree == before - 303)
    #expect(try fileSystem.attributes(of: inode.number, resources).st_blocks == 606)
    let reserved = try fileSystem.inspect(resources) { (metadata) throws(Errno) in
      metadata.reserved.totalCount
    }
    #expect(reserved == 0)
    try end()
  }

  @Test func `a file that is removed before the disk knows its blocks gives them back`() throws {
    let before = try fileSystem.statistics(resources).f_bfree
    try write(0..<2000)
    try fileSystem.unlink(Array("file".utf8), in: FileSystem.root, resources)
    try fileSystem.forget(inode.number, count: 1, resources)
    #expect(try fileSystem.statistics(resources).f_bfree == before)
    try end()
  }

  enum Damage: CaseIterable {
    /// A pointer block points at itself, at each level.
    case circle, deepCircle
    /// Two pointers lead to one pointer block.
    case twice
    /// A pointer leads past the device, or to the superblock.
    case pastEnd, superblock
    /// A pointer block is a block of the file too.
    case ambiguous
    /// Two blocks of the file are one.
    case shared
    /// A block of the file is free.
    case free
    /// The inode counts fewer blocks than the map has.
    case count
  }

  @Test(arguments: Damage.allCases)
  func `a map that contradicts itself is not changed`(damage: Damage) throws {
    for range in [0..<1500, 65_804..<66_400] as [Range<UInt64>] { try write(range) }
    try fileSystem.synchronize(inode, resources)
    try fileSystem.change(resources) { (metadata) throws(Errno) in
      try Self.damage(inode.number, damage, &metadata)
    }
    inode.data = nil
    let error = #expect(throws: Errno.self) { try fileSystem.truncate(inode, to: 0, resources) }
    #expect(error == .corrupted)
    if damage == .shared || damage == .free || damage == .count { return }
    let unread = #expect(throws: Errno.self) {
      _ = try fileSystem.read(inode, offset: 0, byteCount: 1, resources)
    }
    #expect(unread == .corrupted)
  }

  private static func damage(_ number: UInt32, _ damage: Damage, _ metadata: inout Metadata) throws(Errno) {
    var inode = try metadata.inode(number)
    let root = inode.blockBytes
    let words = (0..<15).map { UInt32(root.word($0 * 4, 4)) }
    func pointer(_ block: UInt32, _ index: Int) throws(Errno) -> UInt32 {
      let bytes = try metadata.cache.read(byteOffset: UInt64(block) * 1024 + UInt64(index) * 4, byteCount: 4)
      return (0..<4).reduce(0) { $0 | UInt32(bytes[$1]) << ($1 * 8) }
    }
    func set(_ block: UInt32, _ index: Int, _ pointer: UInt32) throws(Errno) {
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: pointer >> ($0 * 8)) }
      try metadata.cache.write(byteOffset: UInt64(block) * 1024 + UInt64(index) * 4, bytes: bytes)
    }
    switch damage {
    case .circle: try set(words[13], 1, words[13])
    case .deepCircle: try set(words[14], 1, words[14])
    case .twice: try set(words[13], 1, try pointer(words[13], 0))
    case .pastEnd: try set(words[12], 3, 65_536)
    case .superblock: try set(words[12], 3, 1)
    case .ambiguous: try set(words[12], 3, words[13])
    case .shared: try set(words[12], 3, words[0])
    case .free: try set(words[12], 3, 65_000)
    case .count:
      inode.raw.i_blocks = 2
      try metadata.write(inode)
    }
  }
}
