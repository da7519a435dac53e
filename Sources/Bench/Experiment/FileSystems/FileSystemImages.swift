import Foundation
import HostSystem
import SystemPackage

/// The images that `bench fs` mounts: one of each content, made by mkfs.ext4, and a copy for each measurement.
///
/// Every file system finds the same blocks at the same places, because all copies have one origin.
struct FileSystemImages: Sendable {
  /// The folder that everything is in.
  private let folder: String
  private let settings: FileSystemSettings
  private let watch: InterruptionWatch

  /// The name of fio's file on the image.
  static let dataName = "data"
  /// The name of the folder of files on the image.
  static let namesFolder = "names"
  /// Bytes of each file there.
  static let smallFileByteCount = 1024
  /// Files of a folder of the tree.
  private static let filesPerFolder = 100
  /// Files of the tree are shorter than this.
  private static let treeFileLimit = 8192

  /// Makes what the workloads of `settings` need in `folder`, which is there and empty.
  ///
  /// - Throws: ``BenchFailure``, or ``RunInterruption`` if `watch` said so.
  init(in folder: String, settings: FileSystemSettings, watch: InterruptionWatch) throws {
    self.folder = folder
    self.settings = settings
    self.watch = watch
    for content in settings.contents { try make(content) }
    if settings.workloads.contains(.untar) { try makeArchive() }
  }

  /// The name of file `index` of many.
  static func name(ofFile index: Int) -> String {
    let digits = String(index)
    return "file-" + String(repeating: "0", count: max(0, 7 - digits.count)) + digits
  }

  /// The tree of the workloads `git-status` and `compile`.
  var sources: SourceTree { SourceTree(fileCount: settings.fileCount, seed: settings.seed) }

  /// The archive that the workload `untar` unpacks.
  var archivePath: String { "\(folder)/tree.tar" }

  /// Makes a new copy of the image with `content`, whose blocks are allocated, written and in no cache.
  ///
  /// - Returns: Its path.
  func copy(_ content: HostWorkload.Content) throws -> String {
    let path = "\(folder)/copy.img"
    try Self.run(
      ["cp", "--reflink=never", "--sparse=never", basePath(content), path], makes: path, watch: watch)
    do {
      let descriptor = try FileDescriptor.open(FilePath(path), .readWrite, options: .closeOnExec)
      try descriptor.closeAfter { try PageCache.forgetPages(of: descriptor) }
    } catch {
      throw BenchFailure("cannot write \(path): \(error)", exitCode: .ioError)
    }
    return path
  }

  private func basePath(_ content: HostWorkload.Content) -> String { "\(folder)/\(content.rawValue).img" }

  private func make(_ content: HostWorkload.Content) throws {
    let source = "\(folder)/source"
    try Self.makeFolder(source)
    // What stays goes with the folder of the run.
    defer { try? FileManager.default.removeItem(atPath: source) }
    switch content {
    case .data:
      let watch = watch
      try ScratchDisks.makeFile(
        "\(source)/\(Self.dataName)", byteCount: settings.size.byteCount, isFilled: true,
        isInterrupted: { watch.isInterrupted })
    case .names: try makeSmallFiles(in: "\(source)/\(Self.namesFolder)")
    case .sources:
      let tree = "\(source)/\(SourceTree.folder)"
      try Self.makeFolder(tree)
      try sources.make(in: tree, watch: watch)
    case .empty: break
    }
    let path = basePath(content)
    try ScratchDisks.makeFile(
      path, byteCount: settings.imageByteCount(content), isFilled: false, isInterrupted: { false })
    // Folders of the tree, and a reserve.
    let inodes = settings.fileCount + settings.fileCount / Self.filesPerFolder + 1024
    try Self.run(
      ["mkfs.ext4"] + FileSystemImage.options + (content == .data ? [] : ["-N", "\(inodes)"])
        + ["-d", source, path], makes: path, watch: watch)
    if content == .names || content == .sources { try indexFolders(of: path) }
  }

  /// Gives folders the hash index that mkfs.ext4 leaves out, and that the kernel would have made.
  private func indexFolders(of path: String) throws {
    let run = try CommandRun(["e2fsck", "-f", "-y", "-D", path], watch: watch)
    if watch.isInterrupted { throw RunInterruption() }
    // 1: it has changed the file system.
    guard run.exitCode == 0 || run.exitCode == 1 else {
      throw BenchFailure("e2fsck cannot index \(path) (\(run.exitCode))", exitCode: .ioError)
    }
  }

  private func makeSmallFiles(in folder: String) throws {
    try Self.makeFolder(folder)
    let content = [UInt8](repeating: 0x42, count: Self.smallFileByteCount)
    for index in 0..<settings.fileCount {
      try checkInterruption(index)
      try Self.write(content, to: "\(folder)/\(Self.name(ofFile: index))")
    }
  }

  /// A tree of files of different sizes, without the one folder that holds it.
  private func makeArchive() throws {
    let tree = "\(folder)/tree"
    try Self.makeFolder(tree)
    // What stays goes with the folder of the run.
    defer { try? FileManager.default.removeItem(atPath: tree) }
    var generator = SplitMix64(seed: settings.seed)
    for index in 0..<settings.fileCount {
      try checkInterruption(index)
      let place = "\(tree)/folder-\(index / Self.filesPerFolder)"
      if index.isMultiple(of: Self.filesPerFolder) { try Self.makeFolder(place) }
      let byteCount = Int.random(in: 0..<Self.treeFileLimit, using: &generator)
      let content = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: byteCount)
      try Self.write(content, to: "\(place)/\(Self.name(ofFile: index))")
    }
    try TarArchive.pack("tree", of: folder, to: archivePath)
  }

  private func checkInterruption(_ index: Int) throws {
    if index.isMultiple(of: 256), watch.isInterrupted { throw RunInterruption() }
  }

  private static func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    } catch {
      throw BenchFailure(
        "cannot make the folder \(path): \(error.plainWords)", exitCode: .cannotCreate)
    }
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    do {
      try SmallFile.make(path, content: bytes)
    } catch {
      throw BenchFailure("cannot write \(path): \(error)", exitCode: .cannotCreate)
    }
  }

  private static func run(_ words: [String], makes path: String, watch: InterruptionWatch) throws {
    let run = try CommandRun(words, watch: watch)
    if watch.isInterrupted { throw RunInterruption() }
    guard run.exitCode == 0 else {
      let reason = run.output.split(separator: "\n").last.map(String.init) ?? "no reason given"
      throw BenchFailure(
        "\(words[0]) cannot make \(path) (\(run.exitCode)): \(reason)", exitCode: .cannotCreate)
    }
  }
}
