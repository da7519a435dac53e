import Foundation
import HostSystem
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// The workloads that count files: system calls of one thread, tar, git and make.
///
/// The time ends after an fsync(2) of the folder where the workload changes something.
struct FileLoad {
  let workload: HostWorkload
  /// The number of files.
  let fileCount: Int
  /// What `untar` unpacks.
  let archivePath: String
  /// What `git-status` and `compile` find on the image.
  let sources: SourceTree
  let watch: InterruptionWatch

  /// How often the folder is read; the first time from an empty cache.
  static let readCount = 10
  /// What readdir(3) of the C library asks for at once.
  private static let bufferByteCount = 32_768
  /// Where a record of getdents64(2) has its length, 16 bits.
  private static let recordLengthOffset = 16

  /// Runs it in the mounted folder `folder`.
  ///
  /// - Throws: ``BenchFailure`` if a call fails; ``RunInterruption`` if `watch` said so.
  func run(in folder: String) throws -> FileSystemMeasurement.Work {
    do {
      let names = "\(folder)/\(FileSystemImages.namesFolder)"
      let tree = "\(folder)/\(SourceTree.folder)"
      return switch workload {
      case .create: try create(in: names)
      case .stat: try readAttributes(in: names)
      case .readNames: try readNames(of: names)
      case .unlink: try remove(in: names)
      case .untar: try untar(into: folder)
      case .gitStatus: try examine(tree)
      case .compile: try compile(tree)
      case .randomRead, .randomReadParallel, .randomWrite, .read, .write, .streamRead, .streamWrite:
        throw BenchFailure("\(workload.rawValue) is fio's")
      }
    } catch let errno as Errno {
      throw BenchFailure("\(workload.rawValue) in \(folder): \(errno)", exitCode: .ioError)
    }
  }

  private func create(in folder: String) throws -> FileSystemMeasurement.Work {
    try NamedFiles.makeDirectory(folder, permissions: 0o755)
    let content = [UInt8](repeating: 0x42, count: FileSystemImages.smallFileByteCount)
    let paths = paths(in: folder)
    return try timed(count: fileCount) {
      try forEach(paths) { try SmallFile.make($0, content: content) }
      try Self.flush(folder)
    }
  }

  private func readAttributes(in folder: String) throws -> FileSystemMeasurement.Work {
    let paths = paths(in: folder)
    return try timed(count: fileCount) {
      try forEach(paths) { _ = try NamedFiles.mode(of: $0) }
    }
  }

  private func readNames(of folder: String) throws -> FileSystemMeasurement.Work {
    var buffer = [UInt8](repeating: 0, count: Self.bufferByteCount)
    return try timed(count: fileCount * Self.readCount) {
      for _ in 0..<Self.readCount {
        // With "." and "..".
        guard try Self.nameCount(folder, buffer: &buffer) == fileCount + 2 else {
          throw BenchFailure("\(folder) does not have \(fileCount) files", exitCode: .ioError)
        }
      }
    }
  }

  private func remove(in folder: String) throws -> FileSystemMeasurement.Work {
    let paths = paths(in: folder)
    return try timed(count: fileCount) {
      try forEach(paths) { try NamedFiles.remove($0) }
      try Self.flush(folder)
    }
  }

  private func untar(into folder: String) throws -> FileSystemMeasurement.Work {
    try timed(count: fileCount) {
      try run(["tar", "--extract", "--file", archivePath, "--directory", folder])
      try Self.flush(folder)
    }
  }

  private func examine(_ tree: String) throws -> FileSystemMeasurement.Work {
    try timed(count: fileCount) {
      let changes = try run(SourceTree.git(in: tree) + ["status", "--porcelain"])
      guard changes.isEmpty else {
        throw BenchFailure("git sees changes in \(tree), which has none: \(changes)", exitCode: .ioError)
      }
    }
  }

  private func compile(_ tree: String) throws -> FileSystemMeasurement.Work {
    let jobCount = ProcessInfo.processInfo.activeProcessorCount
    return try timed(count: sources.objectCount) {
      try run(["make", "--silent", "--directory", tree, "--jobs=\(jobCount)"])
      try Self.flush(tree)
    }
  }

  /// Runs a program to its end. Returns what it wrote.
  @discardableResult
  private func run(_ words: [String]) throws -> String {
    let run = try CommandRun(words, watch: watch)
    if watch.isInterrupted { throw RunInterruption() }
    guard run.exitCode == 0 else {
      let reason = run.output.split(separator: "\n").first ?? "no message"
      throw BenchFailure("\(words[0]) ended with \(run.exitCode): \(reason)", exitCode: .ioError)
    }
    return run.output
  }

  /// Made before the clock runs, because they cost as much as a fast system call.
  private func paths(in folder: String) -> [String] {
    (0..<fileCount).map { "\(folder)/\(FileSystemImages.name(ofFile: $0))" }
  }

  private func forEach(_ paths: [String], _ body: (String) throws -> Void) throws {
    for (index, path) in paths.enumerated() {
      if index.isMultiple(of: 1024), watch.isInterrupted { throw RunInterruption() }
      try body(path)
    }
  }

  private func timed(count: Int, _ body: () throws -> Void) throws -> FileSystemMeasurement.Work {
    let start = HostClock.monotonicNanoseconds()
    try body()
    let elapsed = HostClock.monotonicNanoseconds() - start
    return .init(operationCount: UInt64(count), seconds: Double(elapsed) / 1e9)
  }

  /// Makes the names of `folder` durable.
  private static func flush(_ folder: String) throws {
    let descriptor = try FileDescriptor.open(
      FilePath(folder), .readOnly, options: [.directory, .closeOnExec])
    try descriptor.closeAfter {
      _ = try checkErrno(fsync(descriptor.rawValue))
    }
  }

  /// The number of names in `folder`, `.` and `..` included.
  private static func nameCount(_ folder: String, buffer: inout [UInt8]) throws -> Int {
    let descriptor = try FileDescriptor.open(
      FilePath(folder), .readOnly, options: [.directory, .closeOnExec])
    return try descriptor.closeAfter {
      var count = 0
      while true {
        var span = buffer.mutableSpan
        let byteCount = try DirectoryFiles.readRecords(of: descriptor.rawValue, into: &span)
        if byteCount == 0 { return count }
        var offset = 0
        while offset + recordLengthOffset + 1 < byteCount {
          let place = offset + recordLengthOffset
          let length = Int(buffer[place]) | Int(buffer[place + 1]) << 8
          // The kernel's records are never empty.
          guard length > 0 else { throw Errno.ioError }
          offset += length
          count += 1
        }
      }
    }
  }
}
