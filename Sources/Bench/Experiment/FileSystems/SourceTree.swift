import Foundation
import HostSystem

/// A tree of sources in C with a git repository: what `git-status` examines, and what `compile` compiles in part.
struct SourceTree {
  /// The number of its sources.
  let fileCount: Int
  /// What the length of each source follows from.
  let seed: UInt64

  /// The name of its folder on the image.
  static let folder = "sources"
  private static let filesPerFolder = 100
  /// Number of sources for each one that is compiled, because a compiler takes much longer than git for a source.
  private static let filesPerObject = 50
  private static let functionLimit = 40
  /// The time of the last change of each source, long before git records it: git reads again what is as new as its record.
  private static let changeTime = Date(timeIntervalSince1970: 1_500_000_000)

  /// The number of sources that `compile` compiles.
  var objectCount: Int { max(1, fileCount / Self.filesPerObject) }

  /// Makes the tree in the folder `path`, which is there and empty.
  ///
  /// - Throws: ``BenchFailure``, or ``RunInterruption`` if `watch` said so.
  func make(in path: String, watch: InterruptionWatch) throws {
    var generator = SplitMix64(seed: seed)
    do {
      for index in 0..<fileCount {
        if index.isMultiple(of: 256), watch.isInterrupted { throw RunInterruption() }
        let folder = "\(path)/\(Self.folderName(index))"
        if index.isMultiple(of: Self.filesPerFolder) {
          try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        let count = Int.random(in: 1...Self.functionLimit, using: &generator)
        try write(Self.source(index, functionCount: count), to: "\(path)/\(Self.sourceName(index))")
      }
      try write(Self.header, to: "\(path)/common.h")
      try write(makefile, to: "\(path)/Makefile")
    } catch let error as CocoaError {
      throw BenchFailure("cannot make \(path): \(error.plainWords)", exitCode: .cannotCreate)
    }
    // The image is not the folder: times of inodes and their numbers differ there, and contents do not.
    let settings = [
      "core.trustctime=false", "core.checkStat=minimal", "gc.auto=0", "user.name=bench", "user.email=bench",
    ]
    try run(["init", "--quiet"], in: path, watch)
    for setting in settings {
      let parts = setting.split(separator: "=").map(String.init)
      try run(["config", parts[0], parts[1]], in: path, watch)
    }
    try run(["add", "--all"], in: path, watch)
    try run(["commit", "--quiet", "--message=sources"], in: path, watch)
    // One pack in place of a file for each source.
    try run(["repack", "-a", "-d", "--quiet"], in: path, watch)
    try run(["prune-packed", "--quiet"], in: path, watch)
  }

  private func write(_ text: String, to path: String) throws {
    guard
      FileManager.default.createFile(
        atPath: path, contents: Data(text.utf8), attributes: [.modificationDate: Self.changeTime])
    else { throw BenchFailure("cannot write \(path)", exitCode: .cannotCreate) }
  }

  private func run(_ words: [String], in path: String, _ watch: InterruptionWatch) throws {
    let run = try CommandRun(Self.git(in: path) + words, watch: watch)
    if watch.isInterrupted { throw RunInterruption() }
    guard run.exitCode == 0 else {
      throw BenchFailure("git \(words[0]) in \(path): \(run.output)", exitCode: .cannotCreate)
    }
  }

  /// git and the arguments for a tree in the folder `path`, which may belong to another user.
  static func git(in path: String) -> [String] { ["git", "-c", "safe.directory=*", "-C", path] }

  // MARK: Contents

  private static func folderName(_ index: Int) -> String { "folder-\(index / filesPerFolder)" }

  private static func sourceName(_ index: Int) -> String { "\(folderName(index))/source-\(index).c" }

  private static let header = """
    #ifndef COMMON_H
    #define COMMON_H
    struct pair { int first, second; };
    static inline int sum(struct pair pair) { return pair.first + pair.second; }
    #endif

    """

  private static func source(_ index: Int, functionCount: Int) -> String {
    (0..<functionCount).reduce("#include \"common.h\"\n\n") { text, number in
      text
        + "int function_\(index)_\(number)(int value) {\n  struct pair pair = {value, \(number)};\n  return sum(pair);\n}\n\n"
    }
  }

  private var makefile: String {
    let objects = (0..<objectCount).map { Self.sourceName($0).replacing(".c", with: ".o") }
    return """
      objects = \(objects.joined(separator: " "))
      all: $(objects)
      %.o: %.c common.h
      \t$(CC) -I. -O1 -c -o $@ $<

      """
  }
}
