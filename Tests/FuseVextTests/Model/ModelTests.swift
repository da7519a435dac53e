import Testing

@testable import FuseVext

/// Random operations against a model in memory.
///
/// The environment makes it longer, as `scripts/model` does: `VEXT_MODEL_OPERATIONS` (of each configuration), `VEXT_MODEL_SEED`,
/// `VEXT_MODEL_THREADS` (with one, a seed comes out the same each time), `VEXT_MODEL_KINDS` (divided by commas).
/// The image of a failure is kept in `/dev/shm`.
@Suite(.serialized)
struct ModelTests {
  enum Kind: String, CaseIterable {
    case ext2 = "mkfs.ext2 -b 1024"
    case ext3 = "mkfs.ext3 -b 1024"
    case ext4 = "mkfs.ext4 -b 4096 -O ^64bit,^metadata_csum"
    case ext4Checksums = "mkfs.ext4 -b 4096 -O 64bit,metadata_csum"
    case ext4SmallInodes = "mkfs.ext4 -b 1024 -I 128"

    var blockByteCount: Int { rawValue.contains("-b 1024") ? 1024 : 4096 }
  }

  @Test(arguments: Kind.allCases)
  func `random operations of four threads, remounts and kills leave what a model has`(kind: Kind) throws {
    let count = CrashSettings.number("VEXT_MODEL_OPERATIONS") ?? 400
    let seed = UInt64(CrashSettings.number("VEXT_MODEL_SEED") ?? 1)
    let threadCount = max(CrashSettings.number("VEXT_MODEL_THREADS") ?? 4, 1)
    if let kinds = CrashSettings.text("VEXT_MODEL_KINDS"), !kinds.split(separator: ",").contains("\(kind)") {
      return
    }
    // A large image is never full, a small one now and then.
    let megabytes = kind.blockByteCount == 1024 ? 16 : 40
    let image = TemporaryFolder.uniquePath("model-\(kind)-\(seed)", in: "/dev/shm")
    let made = Command.run("truncate -s \(megabytes)M '\(image)' && \(kind.rawValue) -q -F '\(image)'")
    try #require(made.exitCode == 0, "\(made.output)")
    do {
      let run = try ModelRun(path: image, hasJournal: kind != .ext2, seed: seed, threadCount: threadCount)
      defer { print("model \(kind), seed \(seed): \(run.report)") }
      try run.run(count)
      Command.run("rm -f '\(image)'")
    } catch {
      print("model failure: \(kind), seed \(seed): \(error)")
      Issue.record("\(kind), seed \(seed), image \(image): \(error)")
    }
  }
}
