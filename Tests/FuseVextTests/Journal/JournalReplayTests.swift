import HostSystem
import Testing

@testable import FuseVext

/// The rules of a replay, on journals of the tests' own making.
@Suite struct JournalReplayTests {
  private static let first = SyntheticJournal.targets.lowerBound

  /// Expects that the mount refuses the journal as corrupted, before it writes anything.
  private func expectCorrupted(_ journal: SyntheticJournal, _ location: SourceLocation = #_sourceLocation) {
    do {
      _ = try journal.replayed()
      Issue.record("replayed", sourceLocation: location)
    } catch MountFailure.corruptedJournal {
    } catch {
      Issue.record(error, sourceLocation: location)
    }
  }

  /// Expects that the second of the journal's two transactions, which is damaged, ends an asynchronous log and is corruption in
  /// others, and that it is corruption in every log once a third follows.
  private func expectDamageEndsOnlyAsynchronousLog(
    _ journal: inout SyntheticJournal, _ variant: SyntheticJournal.Variant,
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    if variant.incompatible.contains(.asyncCommit) {
      let image = try journal.replayed()
      #expect(byte(Self.first, image) == 1 && byte(Self.first + 1, image) == 0, sourceLocation: location)
    } else {
      expectCorrupted(journal, location)
    }
    journal.transaction([Self.first + 2: 3])
    expectCorrupted(journal, location)
  }

  private func byte(_ block: UInt64, _ image: [UInt8]) -> UInt8 { SyntheticJournal.byte(block, of: image) }

  @Test(arguments: SyntheticJournal.variants)
  func
    `revoked, escaped and repeated blocks, where the log and the sequence numbers wrap, as e2fsck replays them`(
      variant: SyntheticJournal.Variant
    ) throws
  {
    let block = Self.first
    // Three blocks before the end of the log, two transactions before the number that follows 0xFFFFFFFF.
    var journal = try SyntheticJournal(variant, start: 1021, sequence: 0xFFFF_FFFE)
    var escaped = SyntheticJournal.filled(9)
    escaped.setBigEndian32(JournalFormat.magic, at: 0)
    journal.describe([
      (block, SyntheticJournal.filled(1)), (block + 1, SyntheticJournal.filled(1)), (block + 9, escaped),
    ])
    journal.commit()
    // What is written again after its revocation counts.
    journal.transaction([block + 2: 2, block + 3: 2], revoked: [block, block + 1])
    journal.transaction([block + 1: 3, block + 4: 3], revoked: [])
    journal.transaction([block + 5: 4], revoked: [block + 2])
    // Many: more than one descriptor block.
    let many = SyntheticJournal.targets.dropFirst(100).prefix(200)
    var rest = many
    while !rest.isEmpty {
      let part = rest.prefix(journal.layout.tagsPerDescriptor)
      journal.describe(part.map { ($0, SyntheticJournal.filled(5)) })
      rest = rest.dropFirst(part.count)
    }
    journal.commit()
    let image = try journal.replayed()
    #expect((0...5).map { byte(block + $0, image) } == [0, 3, 0, 2, 3, 4])
    #expect(image[Int(block + 9) * 1024..<Int(block + 10) * 1024].elementsEqual(escaped))
    #expect(many.allSatisfy { byte($0, image) == 5 })
    #expect(journal.differences(image, try journal.replayedByE2fsck()) == [])
  }

  @Test(arguments: SyntheticJournal.variants)
  func `a last transaction without its commit block is dropped`(variant: SyntheticJournal.Variant) throws {
    var journal = try SyntheticJournal(variant)
    journal.transaction([Self.first: 1])
    journal.revoke([Self.first])
    journal.describe([(Self.first + 1, SyntheticJournal.filled(2))])
    let image = try journal.replayed()
    #expect(byte(Self.first, image) == 1)
    #expect(byte(Self.first + 1, image) == 0)
    #expect(journal.differences(image, try journal.replayedByE2fsck()) == [])
  }

  @Test func `the journal is empty afterwards, and the next transaction has a number that was not used`()
    throws
  {
    var journal = try SyntheticJournal(SyntheticJournal.variants[7])
    journal.transaction([Self.first: 1])
    journal.describe([(Self.first, SyntheticJournal.filled(2))])
    let image = try journal.replayed()
    let offset = journal.offset(0)
    let superblock = try #require(JournalSuperblock(Array(image[offset..<offset + 1024])))
    #expect(superblock.startBlock == 0)
    #expect(superblock.sequence == 9)
    #expect(superblock.hasValidChecksum)
    // s_feature_incompat, without needs_recovery.
    #expect(image[1024 + 0x60] & 0x4 == 0)
  }

  // MARK: Checksums

  @Test(arguments: SyntheticJournal.variants.filter { $0.incompatible.rawValue & 0x18 != 0 })
  func `a commit block that was cut off behind its first sector counts`(variant: SyntheticJournal.Variant)
    throws
  {
    var journal = try SyntheticJournal(variant)
    let commit = journal.transaction([Self.first: 1])
    for index in 512..<1024 { journal.image[journal.offset(commit) + index] = 0xAA }
    #expect(byte(Self.first, try journal.replayed()) == 1)
  }

  @Test(
    arguments: SyntheticJournal.variants.filter {
      $0.compatible.rawValue | $0.incompatible.rawValue & 0x18 != 0
    })
  func
    `a wrong checksum of a commit block ends an asynchronous log, and is corruption in others and before its end`(
      variant: SyntheticJournal.Variant
    ) throws
  {
    var journal = try SyntheticJournal(variant)
    journal.transaction([Self.first: 1])
    let commit = journal.transaction([Self.first + 1: 2])
    // The checksum itself, so that a commit block of any version is wrong.
    journal.image[journal.offset(commit) + 17] ^= 1
    try expectDamageEndsOnlyAsynchronousLog(&journal, variant)
  }

  @Test(
    arguments: SyntheticJournal.variants.filter {
      $0.compatible.rawValue | $0.incompatible.rawValue & 0x18 != 0
    })
  func `a wrong copy is corruption, but for one in the last asynchronous transaction`(
    variant: SyntheticJournal.Variant
  ) throws {
    var journal = try SyntheticJournal(variant)
    journal.transaction([Self.first: 1])
    let descriptor = journal.position
    journal.transaction([Self.first + 1: 2])
    journal.image[journal.offset(descriptor + 1) + 100] ^= 1
    try expectDamageEndsOnlyAsynchronousLog(&journal, variant)
  }

  @Test(arguments: SyntheticJournal.variants.filter { $0.incompatible.rawValue & 0x18 != 0 })
  func `a wrong checksum of a descriptor or revoke block is corruption, unless the commit block is older`(
    variant: SyntheticJournal.Variant
  ) throws {
    for isRevoke in [false, true] {
      for isOlder in [false, true] {
        var journal = try SyntheticJournal(variant)
        journal.transaction([Self.first: 1])
        if isOlder { journal.seconds = 5 }
        let place = journal.position
        journal.transaction([Self.first + 1: 2], revoked: isRevoke ? [Self.first] : [])
        journal.image[journal.offset(place) + 1023] ^= 1
        if isOlder {
          let image = try journal.replayed()
          #expect(byte(Self.first, image) == 1 && byte(Self.first + 1, image) == 0)
        } else {
          expectCorrupted(journal)
        }
      }
    }
  }

  @Test func `a checksum of version 1 that was never set is accepted`() throws {
    var journal = try SyntheticJournal(SyntheticJournal.variants[2])
    journal.describe([(Self.first, SyntheticJournal.filled(1))])
    journal.append(
      journal.layout.commitBlock(JournalCommit(sequence: journal.sequence, seconds: 1, nanoseconds: 0)))
    #expect(byte(Self.first, try journal.replayed()) == 1)
  }

  // MARK: Hostile journals

  @Test(arguments: SyntheticJournal.variants)
  func `block numbers outside of the file system, or in the journal, are refused`(
    variant: SyntheticJournal.Variant
  ) throws {
    let template = try SyntheticJournal(variant)
    var targets: [UInt64] = [0, 8192, 0xFFFF_FFFF, template.physical(0), template.physical(1023)]
    if variant.incompatible.contains(.blockNumbers64Bit) { targets += [1 << 32 | 7000, .max] }
    for target in targets {
      var journal = template
      journal.transaction([Self.first: 1])
      journal.transaction([target: 2, Self.first + 1: 2])
      expectCorrupted(journal)
      // A later revocation takes the copy away.
      journal.transaction([Self.first + 2: 3], revoked: [target])
      #expect(byte(Self.first + 1, try journal.replayed()) == 2)
    }
  }

  @Test func `a log without an end is read once`() throws {
    for type in [JournalBlockType.descriptor, .revoke] {
      var journal = try SyntheticJournal()
      for _ in 1..<1024 {
        var block = SyntheticJournal.filled(0xFF)
        JournalHeader(type: type, sequence: 7).encode(into: &block)
        if type == .revoke { block.setBigEndian32(1024, at: 12) }
        journal.append(block)
      }
      let image = try journal.replayed()
      #expect(journal.differences(image, journal.image) == [])
    }
  }

  @Test(arguments: [JournalIncompatibleFeatures([]), .checksumVersion3])
  func `impossible values in the superblock are refused`(features: JournalIncompatibleFeatures) throws {
    let extremes: [UInt32] = [0, 1, 2, 0x7FFF_FFFF, 0x8000_0000, .max]
    // s_blocksize, s_maxlen, s_first, s_sequence, s_start, the features, s_num_fc_blks, s_head.
    for offset in [0x0C, 0x10, 0x14, 0x18, 0x1C, 0x24, 0x28, 0x2C, 0x54, 0x58] {
      for value in extremes {
        var journal = try SyntheticJournal(SyntheticJournal.Variant(incompatible: features))
        journal.transaction([Self.first: 1])
        try journal.change { $0.setBigEndian32(value, at: offset) }
        do {
          _ = try journal.replayed()
        } catch MountFailure.corruptedJournal {
        } catch MountFailure.unsupportedFeature {
        }
      }
    }
    var journal = try SyntheticJournal(SyntheticJournal.Variant(incompatible: .checksumVersion3))
    journal.transaction([Self.first: 1])
    try journal.change(updatingChecksum: false) { $0[0x40] ^= 1 }
    expectCorrupted(journal)
  }

  @Test(arguments: [0, 2, 6, 7])
  func `a journal with flipped bytes is replayed or refused as a whole`(variant: Int) throws {
    var template = try SyntheticJournal(SyntheticJournal.variants[variant])
    for round in 0..<6 as Range<UInt64> {
      template.transaction(
        [Self.first + round: 1, Self.first + round + 1: 2], revoked: round == 3 ? [Self.first] : [])
    }
    let used = 0..<template.position
    for seed: UInt64 in 1...30 {
      var random = SplitMix64(seed: seed)
      var journal = template
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        // The beginning of a block, where its structure is.
        let place =
          journal.offset(used.randomElement(using: &random) ?? 0) + Int.random(in: 0..<80, using: &random)
        journal.image[place] =
          [0, 1, 0x7F, 0xFF, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random) ?? 0
      }
      do { _ = try journal.replayed() } catch is MountFailure {}
    }
  }
}
