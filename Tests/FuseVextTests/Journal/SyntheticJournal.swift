import CExt2
import Synchronization
import SystemPackage
import Testing

@testable import FuseVext

/// An image whose journal a test writes, block by block.
struct SyntheticJournal {
  /// Features of a journal.
  struct Variant: Sendable, CustomTestStringConvertible {
    var compatible: JournalCompatibleFeatures = []
    var incompatible: JournalIncompatibleFeatures = []
    var testDescription: String { "features \(compatible.rawValue), \(incompatible.rawValue)" }
  }

  /// Every layout, with and without async commits.
  static let variants: [Variant] = [
    Variant(), Variant(incompatible: .blockNumbers64Bit), Variant(compatible: .checksum),
    Variant(compatible: .checksum, incompatible: [.blockNumbers64Bit, .asyncCommit]),
    Variant(incompatible: .checksumVersion2),
    Variant(incompatible: [.checksumVersion2, .blockNumbers64Bit]), Variant(incompatible: .checksumVersion3),
    Variant(incompatible: [.checksumVersion3, .blockNumbers64Bit]),
    Variant(incompatible: [.checksumVersion3, .blockNumbers64Bit, .asyncCommit]),
  ]

  static let blockByteCount = 1024
  /// Blocks that are free in the image, for the journal to write to.
  static let targets: Range<UInt64> = 7000..<7900

  /// The image; a test may change it.
  var image: [UInt8]
  private(set) var superblock: JournalSuperblock
  private(set) var layout: JournalLayout
  private let map: ExtentMap
  /// Where the next block of the log goes.
  var position: UInt32
  var sequence: UInt32
  var seconds: UInt64 = 1000
  private var sum = JournalChecksum.start

  /// An image with an empty journal, and where that is.
  private static let template = Result { try makeTemplate(journalMegabytes: 1) }
  /// As ``template``, with room for fast commits behind the shortest log that there can be.
  private static let largeTemplate = Result { try makeTemplate(journalMegabytes: 2) }

  private static func makeTemplate(journalMegabytes: Int) throws -> (image: [UInt8], map: ExtentMap) {
    let disk = MountedImage(
      megabytes: 8, make: "mkfs.ext4 -q -F -b 1024 -N 64 -J size=\(journalMegabytes) -O ^resize_inode")
    let free = Command.run("debugfs -R 'testb \(targets.lowerBound) \(targets.count)' '\(disk.image)'")
    #expect(!free.output.contains("marked in use"))
    Command.run("debugfs -w -R 'feature needs_recovery' '\(disk.image)'")
    let image = try ImageBytes.read(disk.image)
    let device = try MemoryDevice(image)
    let queue = try device.makeQueue()
    let summary = try SuperblockSummary(device: device, queue: queue, readOnly: true)
    let metadata = try Metadata(device: device, queue: queue, geometry: summary.geometry, readOnly: true)
    return (image, try metadata.journalMap())
  }

  /// - Parameters:
  ///   - start: Where the log starts.
  ///   - sequence: The number of the first transaction.
  init(_ variant: Variant = Variant(), start: UInt32 = 1, sequence: UInt32 = 7) throws {
    (image, map) =
      try variant.incompatible.contains(.fastCommit) ? Self.largeTemplate.get() : Self.template.get()
    superblock = try #require(JournalSuperblock(Self.block(map, 0, of: image)))
    superblock.compatible = variant.compatible
    superblock.incompatible = variant.incompatible.union(.revoke)
    if !variant.incompatible.isDisjoint(with: [.checksumVersion2, .checksumVersion3]) {
      superblock.checksumType = JournalSuperblock.crc32cType
    }
    superblock.startBlock = start
    superblock.sequence = sequence
    superblock.updateChecksum()
    layout = JournalLayout(superblock)
    position = start
    self.sequence = sequence
    writeSuperblock()
  }

  private static func block(_ map: ExtentMap, _ number: UInt32, of image: [UInt8]) -> [UInt8] {
    let offset = offset(map, number)
    return Array(image[offset..<offset + blockByteCount])
  }

  private static func offset(_ map: ExtentMap, _ number: UInt32) -> Int {
    let run = map.run(atOrAfter: UInt64(number))
    return Int((run?.physical ?? 0) + UInt64(number) - (run?.logical ?? 0)) * blockByteCount
  }

  /// Where a block of the journal is in the image, in bytes.
  func offset(_ number: UInt32) -> Int { Self.offset(map, number) }

  /// The block of the file system that a block of the journal is.
  func physical(_ number: UInt32) -> UInt64 { UInt64(offset(number) / Self.blockByteCount) }

  // MARK: Writing

  /// Changes the journal's superblock.
  mutating func change(updatingChecksum: Bool = true, _ body: (inout [UInt8]) -> Void) throws {
    var bytes = superblock.bytes
    body(&bytes)
    superblock = try #require(JournalSuperblock(bytes))
    if updatingChecksum { superblock.updateChecksum() }
    writeSuperblock()
  }

  private mutating func writeSuperblock() { put(superblock.bytes, at: 0) }

  mutating func put(_ block: [UInt8], at number: UInt32) {
    let offset = offset(number)
    image.replaceSubrange(offset..<offset + block.count, with: block)
  }

  /// Appends a block to the log. Returns where it is.
  @discardableResult
  mutating func append(_ block: [UInt8]) -> UInt32 {
    let place = position
    put(block, at: place)
    position = position + 1 < superblock.logEnd ? position + 1 : superblock.firstBlock
    return place
  }

  /// Appends a descriptor block and the copies that it describes. Returns where the descriptor is.
  @discardableResult
  mutating func describe(_ copies: [(target: UInt64, bytes: [UInt8])]) -> UInt32 {
    var tags: [JournalTag] = []
    var blocks: [[UInt8]] = []
    for copy in copies {
      var bytes = copy.bytes
      var tag = JournalTag(block: copy.target)
      if bytes.bigEndian32(at: 0) == JournalFormat.magic {
        bytes.setBigEndian32(0, at: 0)
        tag.flags = .escaped
      }
      tag.checksum = layout.tagChecksum(sequence: sequence, data: bytes.span)
      tags.append(tag)
      blocks.append(bytes)
    }
    let descriptor = layout.descriptor(sequence: sequence, tags: tags[...])
    for block in [descriptor] + blocks { sum = JournalChecksum.crc32(sum, block) }
    let place = append(descriptor)
    for block in blocks { append(block) }
    return place
  }

  mutating func revoke(_ numbers: [UInt64]) {
    append(layout.revokeBlock(sequence: sequence, numbers[...]))
  }

  /// Appends the commit block. Returns where it is.
  @discardableResult
  mutating func commit() -> UInt32 {
    var commit = JournalCommit(sequence: sequence, seconds: seconds, nanoseconds: 0)
    if layout.checksumVersion == .version1 {
      commit.checksumType = JournalCommit.crc32Type
      commit.checksumSize = JournalCommit.crc32Size
      commit.checksum = sum
    }
    let place = append(layout.commitBlock(commit))
    sequence &+= 1
    seconds += 1
    sum = JournalChecksum.start
    return place
  }

  /// Appends a transaction that writes bytes of one value.
  @discardableResult
  mutating func transaction(_ copies: [UInt64: UInt8], revoked: [UInt64] = []) -> UInt32 {
    if !revoked.isEmpty { revoke(revoked) }
    describe(copies.sorted { $0.key < $1.key }.map { ($0.key, Self.filled($0.value)) })
    return commit()
  }

  static func filled(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: blockByteCount) }

  // MARK: Mounting

  /// Replays, and returns the image afterwards. An image of which the replay is refused is unchanged.
  func replayed(readOnly: Bool = true) throws -> [UInt8] {
    let device = try MemoryDevice(image)
    do {
      let resources = try ServingResources(device: device)
      _ = try FileSystem(device: device, resources: resources, readOnly: readOnly)
    } catch {
      #expect(device.writeCount.load(ordering: .relaxed) == 0)
      throw error
    }
    return device.bytes
  }

  /// The first byte of a block of an image.
  static func byte(_ block: UInt64, of image: [UInt8]) -> UInt8 { image[Int(block) * blockByteCount] }

  /// What e2fsck makes of the image.
  func replayedByE2fsck() throws -> [UInt8] {
    let folder = TemporaryFolder.makeOrTrap()
    let path = folder.path + "/image"
    Command.run("truncate -s 0 '\(path)'")
    try ImageBytes.write(image, to: path)
    let result = Command.run("E2FSCK_TIME=1700000000 e2fsck -E journal_only -y '\(path)'")
    #expect(result.exitCode <= 1, "\(result.output)")
    return try ImageBytes.read(path)
  }

  /// The blocks in which two images differ, but for the superblock's and the journal's.
  func differences(_ first: [UInt8], _ second: [UInt8]) -> [UInt64] {
    ImageBytes.differences(first, second, blockByteCount: Self.blockByteCount).filter {
      $0 > 1 && $0 != physical(0)
    }
  }
}
