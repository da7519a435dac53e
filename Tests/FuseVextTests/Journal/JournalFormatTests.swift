import Testing

@testable import FuseVext

/// The structures of a journal, beside what mke2fs and the kernel write.
@Suite struct JournalFormatTests {
  /// A journal's blocks, read by debugfs.
  private func journal(of disk: MountedImage, blockByteCount: Int) throws -> [[UInt8]] {
    let path = disk.folder.path + "/journal"
    Command.run("debugfs -R 'dump <8> \(path)' '\(disk.image)'")
    let bytes = try ImageBytes.read(path)
    return stride(from: 0, to: bytes.count - blockByteCount + 1, by: blockByteCount).map {
      Array(bytes[$0..<$0 + blockByteCount])
    }
  }

  @Test func `the superblock that mke2fs writes`() throws {
    let disk = MountedImage(make: "mkfs.ext4 -q -F -b 1024 -J size=4")
    let superblock = try #require(JournalSuperblock(try journal(of: disk, blockByteCount: 1024)[0]))
    #expect(superblock.isVersion2)
    #expect(superblock.blockByteCount == 1024)
    #expect(superblock.blockCount == 4096)
    #expect(superblock.firstBlock == 1)
    #expect(superblock.sequence == 1)
    #expect(superblock.startBlock == 0)
    #expect(superblock.error == 0)
    #expect(superblock.logEnd == 4096)
    #expect(superblock.checksumVersion == .none)
    let listed = Command.run("dumpe2fs -h '\(disk.image)' | sed -n 's/-//g; s/^Filesystem UUID: *//p'").output
    let uuid = superblock.uuid.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(listed.contains(uuid))
  }

  /// What mke2fs and mount(8) are given, and which format the kernel writes then.
  struct Variant: Sendable, CustomTestStringConvertible {
    let make: String
    let options: String
    let blockByteCount: Int
    let checksum: JournalChecksumVersion
    let is64Bit: Bool
    var testDescription: String { "\(make) -o \(options)" }
  }

  @Test(arguments: [
    Variant(
      make: "mkfs.ext4 -q -F -b 4096", options: "rw", blockByteCount: 4096, checksum: .version3,
      is64Bit: true),
    Variant(
      make: "mkfs.ext4 -q -F -b 1024 -O ^64bit", options: "rw", blockByteCount: 1024,
      checksum: .version3, is64Bit: false),
    Variant(
      make: "mkfs.ext4 -q -F -b 1024 -O ^metadata_csum,^64bit", options: "journal_checksum",
      blockByteCount: 1024, checksum: .version1, is64Bit: false),
    Variant(
      make: "mkfs.ext4 -q -F -b 1024 -O ^metadata_csum", options: "rw",
      blockByteCount: 1024, checksum: .none, is64Bit: true),
  ])
  func
    `all that the kernel writes to a log is read, has the right checksums, and is written again byte for byte`(
      variant: Variant
    ) throws
  {
    let disk = MountedImage(make: variant.make)
    // The blocks of the removed directory are revoked. The file's second block looks like one of a log, and so is escaped.
    disk.throughKernel(
      "mkdir d; for n in $(seq 200); do echo $n > d/$n; done; sync; rm -r d; sync", options: variant.options)
    disk.throughKernel(
      "printf '%\(variant.blockByteCount)s\\xc0\\x3b\\x39\\x98 and more' x > f; sync; echo x > g; sync",
      options: variant.options + ",data=journal")
    let blocks = try journal(of: disk, blockByteCount: variant.blockByteCount)
    let superblock = try #require(JournalSuperblock(blocks[0]))
    #expect(superblock.hasValidChecksum)
    let layout = JournalLayout(superblock)
    #expect(layout.checksumVersion == variant.checksum)
    #expect(layout.is64Bit == variant.is64Bit)
    let walk = try LogWalk(blocks, superblock, layout)
    #expect(walk.commitCount >= 3)
    #expect(walk.revokedCount > 0)
    #expect(walk.escapedCount > 0)
  }

  @Test func `tags and revocations come back as they went in, in every layout`() throws {
    for (features, is64Bit) in [
      (JournalIncompatibleFeatures([]), false), ([.blockNumbers64Bit], true), ([.checksumVersion2], false),
      ([.checksumVersion2, .blockNumbers64Bit], true), ([.checksumVersion3], false),
      ([.checksumVersion3, .blockNumbers64Bit], true),
    ] {
      let layout = try layout(features)
      let top: UInt64 = is64Bit ? 0xFFFF_FFFF_FFFF : 0xFFFF_FFFF
      let mask: UInt32 = features.contains(.checksumVersion3) ? .max : features.isEmpty ? 0 : 0xFFFF
      var tags = (0..<UInt64(layout.tagsPerDescriptor)).map {
        JournalTag(
          block: top - $0, checksum: 0xDEAD_BEEF & (features.contains(.checksumVersion2) ? 0xFFFF : mask))
      }
      tags[0].flags = .escaped
      let block = layout.descriptor(sequence: 7, tags: tags[...])
      #expect(layout.hasValidTail(block))
      let read = layout.tags(inDescriptor: block)
      #expect(read.map(\.block) == tags.map(\.block))
      #expect(read.map(\.checksum) == tags.map(\.checksum))
      #expect(read.first?.flags == [.escaped] && read.last?.flags == [.sameUUID, .last])
      #expect(JournalHeader(block) == JournalHeader(type: .descriptor, sequence: 7))

      let numbers = (0..<UInt64(layout.revocationsPerBlock)).map { top - $0 }
      let revoke = layout.revokeBlock(sequence: 8, numbers[...])
      #expect(layout.hasValidTail(revoke))
      #expect(layout.revocations(in: revoke) == numbers)

      let commit = JournalCommit(sequence: 9, seconds: 1 << 33, nanoseconds: 5)
      let written = layout.commitBlock(commit)
      #expect(layout.hasValidChecksum(commit: written))
      #expect(JournalCommit(written)?.seconds == 1 << 33)
    }
  }

  @Test func `a count in a revoke block that is larger than the block is refused`() throws {
    let layout = try layout([.checksumVersion3])
    var block = layout.revokeBlock(sequence: 1, [5])
    for count: UInt32 in [1021, 1024, 0x8000_0000, .max] {
      block.setBigEndian32(count, at: 12)
      #expect(layout.revocations(in: block) == nil)
    }
    block.setBigEndian32(0, at: 12)
    #expect(layout.revocations(in: block) == [])
  }

  @Test func `sequence numbers are compared across their wrap-around`() {
    #expect(JournalFormat.isLater(1, than: 0xFFFF_FFFF))
    #expect(!JournalFormat.isLater(0xFFFF_FFFF, than: 1))
    #expect(!JournalFormat.isLater(5, than: 5))
  }

  private func layout(_ features: JournalIncompatibleFeatures) throws -> JournalLayout {
    var bytes = [UInt8](repeating: 0, count: 1024)
    JournalHeader(type: .superblockVersion2, sequence: 0).encode(into: &bytes)
    bytes.setBigEndian32(1024, at: 0x0C)
    for index in 0..<16 { bytes[0x30 + index] = UInt8(index) }
    var superblock = try #require(JournalSuperblock(bytes))
    superblock.incompatible = features
    superblock.checksumType = JournalSuperblock.crc32cType
    return JournalLayout(superblock)
  }
}

/// Reads a log of the kernel's from its first block on, and writes every block again.
private struct LogWalk {
  var commitCount = 0
  var revokedCount = 0
  var escapedCount = 0

  init(_ blocks: [[UInt8]], _ superblock: JournalSuperblock, _ layout: JournalLayout) throws {
    var position = Int(superblock.firstBlock)
    var sum = JournalChecksum.start
    while position < blocks.count, let header = JournalHeader(blocks[position]) {
      let block = blocks[position]
      position += 1
      switch header.type {
      case .descriptor:
        let tags = layout.tags(inDescriptor: block)
        #expect(layout.hasValidTail(block))
        #expect(layout.descriptor(sequence: header.sequence, tags: tags[...]) == block)
        sum = JournalChecksum.crc32(sum, block)
        for tag in tags {
          let data = blocks[position]
          position += 1
          let expected = layout.tagChecksum(sequence: header.sequence, data: data.span)
          #expect(tag.checksum == expected)
          sum = JournalChecksum.crc32(sum, data)
          if tag.flags.contains(.escaped) { escapedCount += 1 }
        }
      case .revoke:
        let numbers = try #require(layout.revocations(in: block))
        #expect(layout.hasValidTail(block))
        #expect(layout.revokeBlock(sequence: header.sequence, numbers[...]) == block)
        revokedCount += numbers.count
      case .commit:
        var commit = try #require(JournalCommit(block))
        #expect(layout.hasValidChecksum(commit: block))
        if layout.checksumVersion == .version1 { #expect(commit.checksum == sum) }
        if layout.hasBlockChecksums { commit.checksum = 0 }
        #expect(layout.commitBlock(commit) == block)
        sum = JournalChecksum.start
        commitCount += 1
      case .superblockVersion1, .superblockVersion2: Issue.record("a superblock in the log")
      }
    }
  }
}
