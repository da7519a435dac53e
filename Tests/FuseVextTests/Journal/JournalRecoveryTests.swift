import CExt2
import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import FuseVext

/// What a mount does with the journal that it finds, around the replay.
@Suite(.serialized)
struct JournalRecoveryTests {
  private static let first = SyntheticJournal.targets.lowerBound

  @Test func `a replay that ends at any of its writes is completed by the next one`() throws {
    var journal = try SyntheticJournal(SyntheticJournal.variants[7])
    for round in 0..<4 as Range<UInt64> {
      journal.transaction([Self.first + round * 3: UInt8(round), Self.first + 20: UInt8(round)])
    }
    try journal.change { $0.setBigEndian32(UInt32(bitPattern: -EIO), at: 0x20) }
    let complete = try journal.replayed()
    for limit in 0..<20 {
      let device = try MemoryDevice(journal.image)
      device.writeLimit.store(limit, ordering: .relaxed)
      let isComplete = (try? open(device, readOnly: true)) != nil
      device.writeLimit.store(.max, ordering: .relaxed)
      _ = try open(device, readOnly: true)
      #expect(ImageBytes.differences(device.bytes, complete, blockByteCount: 1024) == [], "\(limit) writes")
      if isComplete { return }
    }
    Issue.record("the replay never came to its end")
  }

  @Test func `a log of a file system that needs no recovery is emptied, and not replayed`() throws {
    var journal = try SyntheticJournal(SyntheticJournal.variants[7])
    journal.transaction([Self.first: 1])
    changeSuperblock(&journal.image) { $0.s_feature_incompat &= ~UInt32(EXT3_FEATURE_INCOMPAT_RECOVER) }
    // Nothing is written read-only.
    #expect(try journal.replayed() == journal.image)
    let image = try journal.replayed(readOnly: false)
    #expect(ImageBytes.differences(image, journal.image, blockByteCount: 1024) == [journal.physical(0)])
    let superblock = try #require(JournalSuperblock(Array(image[journal.offset(0)...].prefix(1024))))
    #expect(superblock.startBlock == 0 && superblock.sequence == 9)
  }

  @Test func `errors that the journal or the replaced superblock recorded make the file system read-only`()
    throws
  {
    // s_errno
    var journal = try SyntheticJournal()
    journal.transaction([Self.first: 1])
    try journal.change { $0.setBigEndian32(UInt32(bitPattern: -EIO), at: 0x20) }
    #expect(throws: MountFailure.notClean("memory")) {
      let device = try MemoryDevice(journal.image)
      _ = try open(device, readOnly: false)
    }
    let image = try journal.replayed()
    #expect(SyntheticJournal.byte(Self.first, of: image) == 1)
    #expect(superblock(of: image).s_state & UInt16(EXT2_ERROR_FS) != 0)
    #expect(image[journal.offset(0) + 0x20..<journal.offset(0) + 0x24].allSatisfy { $0 == 0 })

    // The superblock is written past the journal when an error is found. The journal's copy is older.
    journal = try SyntheticJournal()
    journal.describe([(1, Array(journal.image[1024..<2048]))])
    journal.commit()
    changeSuperblock(&journal.image) {
      $0.s_state |= UInt16(EXT2_ERROR_FS)
      $0.s_error_count = 3
    }
    let after = superblock(of: try journal.replayed())
    #expect(after.s_state & UInt16(EXT2_ERROR_FS) != 0)
    #expect(after.s_error_count == 3)
  }

  @Test
  func
    `a file system that was left unclean without its journal stays refused for writing, whatever the journal has`()
    throws
  {
    var journal = try SyntheticJournal()
    journal.transaction([Self.first: 1])
    changeSuperblock(&journal.image) { $0.s_state &= ~UInt16(EXT2_VALID_FS) }
    let device = try MemoryDevice(journal.image)
    #expect(throws: MountFailure.notClean("memory")) { _ = try open(device, readOnly: false) }
    #expect(device.bytes == journal.image)
  }

  @Test func `a read-only device is mounted only read-only and without its journal`() throws {
    var journal = try SyntheticJournal()
    journal.transaction([Self.first: 1])
    let device = try MemoryDevice(journal.image, isReadOnly: true)
    #expect(throws: MountFailure.dirtyJournal("memory")) { _ = try open(device, readOnly: true) }
    let resources = try ServingResources(device: device)
    let fileSystem = try FileSystem(device: device, resources: resources, readOnly: true, leavesJournal: true)
    #expect(fileSystem.replayedTransactionCount == nil)
  }

  @Test func `fast commits after the last transaction are refused, older and incomplete ones are ignored`()
    throws
  {
    // The number of the transaction that they follow, whether their checksum is right.
    for (sequence, isWhole) in [(8, true), (8, false), (7, true), (9, true)] as [(UInt32, Bool)] {
      var journal = try SyntheticJournal(SyntheticJournal.Variant(incompatible: .fastCommit))
      // The log wraps before the area.
      journal.position = journal.superblock.logEnd - 1
      let start = journal.position
      try journal.change { $0.setBigEndian32(start, at: 0x1C) }
      journal.transaction([Self.first: 1])
      #expect(try SyntheticJournal.byte(Self.first, of: journal.replayed()) == 1)
      journal.put(
        fastCommit(sequence: sequence, isWhole: isWhole), at: journal.superblock.logEnd + 1)
      if sequence == 8, isWhole {
        #expect(throws: MountFailure.fastCommits("memory")) { _ = try journal.replayed() }
      } else {
        #expect(try SyntheticJournal.byte(Self.first, of: journal.replayed()) == 1)
      }
    }
  }

  /// A block with a head, a removed range and a tail (ext4's `fs/ext4/fast_commit.h`).
  private func fastCommit(sequence: UInt32, isWhole: Bool) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 1024)
    func put(_ words: [UInt32], at offset: Int) {
      for (index, word) in words.enumerated() {
        block.setBigEndian32(word.byteSwapped, at: offset + index * 4)
      }
    }
    // Tags and lengths are the halves of a word.
    put([8 << 16 | 9, 0, sequence], at: 0)
    put([12 << 16 | 2, 12, 0, 1], at: 12)
    put([8 << 16 | 8, sequence], at: 28)
    put([JournalChecksum.crc32c(0, Array(block[..<36])) ^ (isWhole ? 0 : 1)], at: 36)
    return block
  }

  @Test func `a mount says once that it replayed, and -o ro replays too`() throws {
    for options in ["-f", "-f -o ro"] {
      let disk = MountedImage(megabytes: 8, make: "true")
      var journal = try SyntheticJournal(SyntheticJournal.variants[7])
      journal.transaction([Self.first: 1])
      journal.transaction([Self.first: 2])
      try ImageBytes.write(journal.image, to: disk.image)
      let result = Command.run(
        """
        '\(MountedImage.program)' \(options) '\(disk.image)' '\(disk.mountPoint)' & \
        for i in $(seq 500); do mountpoint -q '\(disk.mountPoint)' && break; sleep 0.02; done; umount '\(disk.mountPoint)'; wait
        """)
      #expect(result.output == "fuse-vext: note: \(disk.image): journal replayed, 2 transactions\n")
      let image = try ImageBytes.read(disk.image)
      #expect(SyntheticJournal.byte(Self.first, of: image) == 2)
      disk.expectClean()
    }
  }

  // MARK: Images

  private func open(_ device: MemoryDevice, readOnly: Bool) throws -> FileSystem {
    let resources = try ServingResources(device: device)
    return try FileSystem(device: device, resources: resources, readOnly: readOnly)
  }

  private func superblock(of image: [UInt8]) -> ext2_super_block {
    unsafe image.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: 1024, as: ext2_super_block.self) }
  }

  private func changeSuperblock(_ image: inout [UInt8], _ body: (inout ext2_super_block) -> Void) {
    do {
      let device = try MemoryDevice(image)
      let editor = try SuperblockEditor(device: device, queue: try device.makeQueue())
      try editor.change(body)
      image = device.bytes
    } catch {
      Issue.record(error)
    }
  }
}
