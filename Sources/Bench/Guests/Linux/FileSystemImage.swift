import Foundation
import SystemPackage

/// Makes the ext4 file systems that guests mount, with the workload's files in them.
///
/// The files are there from the start, and whole: every data path finds the same blocks at the same place, and no guest
/// spends its time on laying them out.
final class FileSystemImage {
  /// Where the files are copied from.
  private let sourceFolder: String
  private let files: [(name: String, byteCount: UInt64)]
  private var source: FileSource?

  /// Keeps the folder as long as this object lives.
  private final class FileSource {
    private let folder: ScratchFolder

    init(_ path: String) throws { folder = try ScratchFolder(path) }
  }

  /// Options of mkfs.ext4: blocks of 4 KiB however small the disk is, and nothing left for the guest's kernel to
  /// initialize while it is measured.
  static let options = [
    "-F", "-q", "-b", "4096", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard",
  ]

  /// File systems with these files, which `sourceFolder`, made for it and removed with this object, holds meanwhile.
  init(files: [(name: String, byteCount: UInt64)], sourceFolder: String) {
    self.files = files
    self.sourceFolder = sourceFolder
  }

  /// The command for a disk.
  func command(path: String) -> [String] { ["mkfs.ext4"] + Self.options + ["-d", sourceFolder, path] }

  /// Makes a new file system on the file or device at `path`, whatever is on it.
  ///
  /// - Throws: ``BenchFailure``, or ``RunInterruption`` if `isInterrupted` said so while the files were made.
  func make(on path: String, isInterrupted: () -> Bool) throws {
    try makeSource(isInterrupted)
    let run = try CommandRun(command(path: path))
    guard run.exitCode == 0 else {
      let reason = run.output.split(separator: "\n").last.map(String.init) ?? "no reason given"
      throw BenchFailure("mkfs.ext4 failed on \(path) (\(run.exitCode)): \(reason)", exitCode: .dataError)
    }
  }

  private func makeSource(_ isInterrupted: () -> Bool) throws {
    guard source == nil else { return }
    let source = try FileSource(sourceFolder)
    for file in files {
      try ScratchDisks.makeFile(
        "\(sourceFolder)/\(file.name)", byteCount: file.byteCount, isFilled: true,
        isInterrupted: isInterrupted)
    }
    self.source = source
  }

  /// Checks the unmounted file system on `path`, and changes nothing.
  ///
  /// - Throws: ``BenchFailure`` with e2fsck's first words if it is not.
  static func check(_ path: String) throws {
    let run = try CommandRun(["e2fsck", "-f", "-n", path])
    guard run.exitCode == 0 else {
      let reason = run.output.split(separator: "\n").dropFirst().prefix(5).joined(separator: "; ")
      throw BenchFailure("e2fsck finds \(path) damaged (\(run.exitCode)): \(reason)", exitCode: .ioError)
    }
  }
}
