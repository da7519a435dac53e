import Glibc
import Testing

@testable import FuseVext

/// Journals of images that the kernel left dirty, replayed here and by e2fsprogs.
///
/// `FUSE_VEXT_DIRTY_IMAGES` says how many images there are (default 4), `FUSE_VEXT_DIRTY_SEED` which.
@Suite(.serialized)
struct ReplayImageTests {
  private static func setting(_ name: String) -> Int? {
    unsafe getenv(name).flatMap { unsafe Int(String(cString: $0)) }
  }

  @Test
  func
    `a journal that the kernel left is replayed as e2fsprogs replays it, and the file system is clean then`()
    throws
  {
    let script = TestScript.path("dirty-image")
    let variants = Command.run("python3 '\(script)' --list").output.split(separator: "\n").map(String.init)
    let count = Self.setting("FUSE_VEXT_DIRTY_IMAGES") ?? 4
    let seed = Self.setting("FUSE_VEXT_DIRTY_SEED") ?? Int.random(in: 0..<1_000_000)
    var transactionCount = 0
    for index in seed..<seed + count {
      let variant = variants[index % variants.count]
      let disk = MountedImage(megabytes: 1, make: "true")
      let made = Command.run("python3 '\(script)' '\(disk.image)' \(variant) \(index)")
      #expect(made.exitCode == 0, "\(made.output)")
      transactionCount += try replay(disk, "\(variant), seed \(index)")
    }
    print("\(count) images from seed \(seed): \(transactionCount) transactions replayed")
    #expect(transactionCount > 0 || count < 3)
  }

  private func replay(_ disk: MountedImage, _ note: String) throws -> Int {
    let oracle = disk.folder.path + "/oracle"
    Command.run("cp --sparse=always '\(disk.image)' '\(oracle)'")
    // e2fsck 1.47 takes a log with an area for fast commits behind it for longer than it is: the kernel tells there.
    let hasArea = note.contains("fast-commit")
    var count = 0
    do {
      count = try open(disk, readOnly: true).0.replayedTransactionCount ?? 0
      if !hasArea { try expectEqual(disk, oracle, note) }
    } catch MountFailure.fastCommits {
      // The kernel 6.18 replays them, but leaves errors that e2fsck finds.
      #expect(hasArea)
      #expect(Command.run("cmp '\(disk.image)' '\(oracle)'").exitCode == 0)
      return 0
    }
    let (fileSystem, resources) = try open(disk, readOnly: false)
    try fileSystem.begin(resources)
    try fileSystem.close(resources)
    disk.expectClean("\(note)")
    // The kernel 6.18 refuses a journal whose first fast commit was torn.
    if hasArea, let theirs = digest(oracle, disk) {
      #expect(digest(disk.image, disk) == theirs, "\(note)")
    }
    return count
  }

  private func open(_ disk: MountedImage, readOnly: Bool) throws -> (FileSystem, ServingResources) {
    let device = try FileDevice(path: disk.image, readOnly: false, usesPageCache: true)
    let resources = try ServingResources(device: device)
    return (try FileSystem(device: device, resources: resources, readOnly: readOnly), resources)
  }

  /// What the kernel sees in an image; nil if it refuses to mount it.
  private func digest(_ image: String, _ disk: MountedImage) -> String? {
    let result = Command.run(
      """
      mount -o loop '\(image)' '\(disk.mountPoint)' && cd '\(disk.mountPoint)' || exit 32
      { find . -printf '%p %y %m %n %s %T@ %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0r sha256sum; } | sha256sum
      cd /; umount '\(disk.mountPoint)'
      """)
    if result.exitCode == 32 { return nil }
    #expect(result.exitCode == 0, "\(result.output)")
    return result.output
  }

  /// Expects that an image that was replayed here and one that e2fsck replays differ in nothing but the superblock's times
  /// and counters and the journal's superblock.
  private func expectEqual(_ disk: MountedImage, _ oracle: String, _ note: String) throws {
    // It frees orphans too, and so it does for the one that was replayed here.
    let copy = disk.folder.path + "/copy"
    let recover = "E2FSCK_TIME=1700000000 e2fsck -E journal_only -y"
    Command.run("cp --sparse=always '\(disk.image)' '\(copy)'")
    let first = Command.run("\(recover) '\(copy)'")
    #expect(first.exitCode <= 1 && !first.output.contains("recovering journal"), "\(note): \(first.output)")
    let second = Command.run("\(recover) '\(oracle)'")
    #expect(second.exitCode <= 1, "\(note): \(second.output)")
    let journal = Command.run("debugfs -c -R 'blocks <8>' '\(copy)' 2>/dev/null | cut -d ' ' -f 1").output
    try expectEqual(
      try ImageBytes.read(copy), try ImageBytes.read(oracle),
      journal: try #require(Int(journal.split(separator: "\n").first ?? "")), note)
  }

  private func expectEqual(_ first: [UInt8], _ second: [UInt8], journal: Int, _ note: String) throws {
    var (ours, theirs) = (first, second)
    let size = 1024 << Int(ours[1024 + 0x18])
    // s_wtime, s_mnt_count, s_lastcheck and s_kbytes_written with their high bytes, s_checksum.
    for (offset, count) in [(0x30, 4), (0x34, 2), (0x40, 4), (0x178, 8), (0x274, 4), (0x3FC, 4)] {
      for index in 1024 + offset..<1024 + offset + count { (ours[index], theirs[index]) = (0, 0) }
    }
    for index in journal * size..<journal * size + 1024 { (ours[index], theirs[index]) = (0, 0) }
    let differing = ImageBytes.differences(ours, theirs, blockByteCount: size)
    guard let block = differing.first else { return }
    let first = Int(block) * size
    let bytes = (first..<first + size).filter { ours[$0] != theirs[$0] }.map { $0 - first }
    Issue.record(
      "\(note): blocks \(differing.prefix(20)) differ, the first one at \(bytes.prefix(20))"
    )
  }
}
