import Foundation
import SystemPackage

/// Makes the file systems that are mounted for the workload, with its files in them.
///
/// The files are there from the start, and whole: every data path finds the same blocks at the same place, and no guest
/// spends its time on laying them out.
final class FileSystemImage {
  /// Where the files are copied from.
  private let sourceFolder: String
  private let files: [(name: String, byteCount: UInt64)]
  private var source: ScratchFolderHolder?

  /// What is made.
  enum Kind: Equatable {
    case ext(ImageType)
    case xfs

    /// The program that makes it.
    var program: String {
      switch self {
      case .ext(let type): type.program
      case .xfs: "mkfs.xfs"
      }
    }

    /// The program that checks it and changes nothing, with its options.
    var check: [String] {
      switch self {
      case .ext: ["e2fsck", "-f", "-n"]
      case .xfs: ["xfs_repair", "-n"]
      }
    }
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

  /// The command for a disk; that of mkfs.xfs reads a list of files that ``make(_:on:isInterrupted:)`` writes.
  func command(_ kind: Kind, path: String) -> [String] {
    switch kind {
    case .ext: [kind.program] + Self.options + ["-d", sourceFolder, path]
    // -K: does not discard blocks.
    case .xfs: [kind.program, "-f", "-q", "-K", "-p", listPath, path]
    }
  }

  /// mkfs.xfs takes a list of files in place of a folder.
  private var listPath: String { "\(sourceFolder).list" }

  /// The list: the root folder, and below it each file with its mode, its owner and where its contents are (mkfs.xfs(8), "-p").
  private var list: String {
    (["/bench", "0 0", "d--755 0 0"] + files.map { "\($0.name) ---644 0 0 \(sourceFolder)/\($0.name)" } + [
      "$", "$",
    ])
    .joined(separator: "\n") + "\n"
  }

  /// Makes a new file system on the file or device at `path`, whatever is on it.
  ///
  /// - Throws: ``BenchFailure``, or ``RunInterruption`` if `isInterrupted` said so while the files were made.
  func make(_ kind: Kind = .ext(.ext4), on path: String, isInterrupted: () -> Bool) throws {
    try makeSource(isInterrupted)
    if kind == .xfs {
      guard FileManager.default.createFile(atPath: listPath, contents: Data(list.utf8)) else {
        throw BenchFailure("cannot write \(listPath)", exitCode: .cannotCreate)
      }
    }
    // What stays is a small text that no later run reads.
    defer { if kind == .xfs { try? FileManager.default.removeItem(atPath: listPath) } }
    let run = try CommandRun(command(kind, path: path))
    guard run.exitCode == 0 else {
      let reason = run.output.split(separator: "\n").last.map(String.init) ?? "no reason given"
      throw BenchFailure(
        "\(kind.program) failed on \(path) (\(run.exitCode)): \(reason)", exitCode: .dataError)
    }
  }

  private func makeSource(_ isInterrupted: () -> Bool) throws {
    guard source == nil else { return }
    let source = try ScratchFolderHolder(sourceFolder)
    for file in files {
      try ScratchDisks.makeFile(
        "\(sourceFolder)/\(file.name)", byteCount: file.byteCount, isFilled: true,
        isInterrupted: isInterrupted)
    }
    self.source = source
  }

  /// Checks the unmounted file system on `path`, and changes nothing.
  ///
  /// - Throws: ``BenchFailure`` with the checker's first words if it is not sound.
  static func check(_ path: String, kind: Kind = .ext(.ext4)) throws {
    let run = try CommandRun(kind.check + [path])
    guard run.exitCode == 0 else {
      let reason = run.output.split(separator: "\n").dropFirst().prefix(5).joined(separator: "; ")
      throw BenchFailure(
        "\(kind.check[0]) finds \(path) damaged (\(run.exitCode)): \(reason)", exitCode: .ioError)
    }
  }
}
