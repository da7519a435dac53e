import Foundation
import HostSystem
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// A folder for what lasts as long as a run: removed with this value, or by the next run where the process was killed.
///
/// It is locked (`flock(2)`) while it is in use. A lock goes with its process, however that ends: a folder that can be locked belongs to
/// nobody.
struct ScratchFolder: ~Copyable {
  /// The folder.
  let path: String
  private let lock: FileDescriptor

  /// What is in such a folder.
  enum Kind: String, CaseIterable {
    /// The guests' disks.
    case disks
    /// The files that file systems are made with.
    case files
  }

  /// The folder of run `runID`, whose name begins with `stem`.
  static func path(stem: String, runID: String, kind: Kind) -> String { "\(stem).\(runID).\(kind.rawValue)" }

  /// Makes the folder at `path`, which must not exist, once leftovers of killed runs beside it are removed.
  ///
  /// - Throws: ``BenchFailure`` if it cannot be made.
  init(_ path: String) throws {
    Self.removeLeftovers(in: path.parentFolder)
    do {
      try FileManager.default.makeParentFolder(of: path)
      // Another run's sweep may remove the folder before it is locked; the name is this run's alone.
      while true {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        guard let lock = try Self.opened(path) else { continue }
        if flock(lock.rawValue, LOCK_EX) == 0, FileManager.default.fileExists(atPath: path) {
          self.lock = lock
          break
        }
        // Nothing was written through it.
        try? lock.close()
      }
    } catch {
      throw BenchFailure(
        "cannot make the folder \(path): \(error.plainWords)", exitCode: .cannotCreate)
    }
    self.path = path
  }

  /// Opens the folder at `path`; nil if it is gone.
  private static func opened(_ path: String) throws -> FileDescriptor? {
    do {
      return try FileDescriptor.open(FilePath(path), .readOnly, options: [.directory, .closeOnExec])
    } catch Errno.noSuchFileOrDirectory {
      return nil
    }
  }

  deinit {
    // What has gone already is what was wanted; nothing was written through the descriptor.
    try? FileManager.default.removeItem(atPath: path)
    try? lock.close()
  }

  /// Removes what killed runs left in `parent`. What cannot be removed stays, which does no harm.
  static func removeLeftovers(in parent: String) {
    let parent = parent.isEmpty ? "." : parent
    for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] where isOurs(name) {
      let path = "\(parent)/\(name)"
      guard
        let lock = try? FileDescriptor.open(FilePath(path), .readOnly, options: [.directory, .closeOnExec])
      else { continue }
      if flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(atPath: path) }
      try? lock.close()
    }
  }

  /// Whether `name` is one that ``path(stem:runID:kind:)`` makes.
  private static func isOurs(_ name: String) -> Bool {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count >= 3, let kind = parts.last, Kind(rawValue: String(kind)) != nil else { return false }
    return UUID(uuidString: String(parts[parts.count - 2])) != nil
  }
}

/// Keeps a ``ScratchFolder`` as long as this object lives.
final class ScratchFolderHolder {
  private let folder: ScratchFolder

  /// Makes the folder at `path`, as ``ScratchFolder`` does.
  init(_ path: String) throws { folder = try ScratchFolder(path) }
}
