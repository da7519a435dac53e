import Foundation
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// What a host must have for `bench fs`.
struct FileSystemRequirements {
  /// The user that bench runs as.
  var userID = geteuid()
  /// Where a program is; nil if it is not installed.
  var find: (String) -> String? = { CommandRun.find($0) }
  /// Whether there is a file.
  var exists: (String) -> Bool = { FileManager.default.fileExists(atPath: $0) }
  /// The bytes that may be filled in a folder.
  var availableByteCount: (String) throws(Errno) -> UInt64 = Self.available

  /// Programs besides those of the file systems, and the Debian packages that have them.
  private static let programs = [
    (name: "mkfs.ext4", package: "e2fsprogs"), (name: "e2fsck", package: "e2fsprogs"),
    (name: "mount", package: "mount"), (name: "umount", package: "mount"),
    (name: "losetup", package: "mount"), (name: "setpriv", package: "util-linux"),
    (name: "cp", package: "coreutils"), (name: "tar", package: "tar"),
  ]

  /// Checks everything that a run of `settings` in `folder` needs.
  ///
  /// - Returns: The settings without file systems that are not installed, a note for each of these, and the programs.
  /// - Throws: ``BenchFailure`` with what is missing.
  func check(_ settings: FileSystemSettings, folder: String, fuseVext: String) throws -> (
    settings: FileSystemSettings, notes: [String], programs: FileSystemPrograms
  ) {
    guard userID == 0 else {
      throw BenchFailure("bench fs mounts file systems: run it as root", exitCode: .noPermission)
    }
    try checkRoom(settings, folder: folder)
    for program in Self.programs + settings.workloads.flatMap(\.programs) {
      guard find(program.name) != nil else {
        throw BenchFailure(
          "\(program.name) is not installed (Debian: \(program.package))", exitCode: .unavailable)
      }
    }
    let (settings, notes) = try installed(settings)
    if settings.fileSystems.contains(where: \.isFuseVext), find(fuseVext) == nil {
      throw BenchFailure(
        "\(fuseVext) is not built: 'swift build' with the options of bench's build builds it; --fuse-vext names another",
        exitCode: .unavailable)
    }
    if settings.fileSystems.contains(where: \.usesFUSE), !exists("/dev/fuse") {
      throw BenchFailure(
        "there is no /dev/fuse; load the kernel's module: modprobe fuse", exitCode: .unavailable)
    }
    return (settings, notes, FileSystemPrograms(fuseVext: fuseVext, fuse2fs: find("fuse2fs")))
  }

  private func installed(_ settings: FileSystemSettings) throws -> (FileSystemSettings, [String]) {
    guard settings.fileSystems.contains(.fuse2fs), find("fuse2fs") == nil else { return (settings, []) }
    let reason = "fuse2fs is not installed (Debian: \(FileSystemPrograms.fuse2fsPackage))"
    var others = settings
    others.fileSystems.removeAll { $0 == .fuse2fs }
    guard !others.fileSystems.isEmpty else { throw BenchFailure(reason, exitCode: .unavailable) }
    return (others, ["fuse2fs: left out; \(reason)"])
  }

  private func checkRoom(_ settings: FileSystemSettings, folder: String) throws {
    let available: UInt64
    do {
      available = try availableByteCount(folder)
    } catch {
      throw BenchFailure(
        "the folder of the images, \(folder), cannot be used: \(error)", exitCode: .cannotCreate)
    }
    guard available >= settings.byteCount else {
      throw BenchFailure(
        "the images need \(settings.byteCount >> 20) MiB and \(folder) has only \(available >> 20) MiB; "
          + "choose a smaller --size or --files, or another --folder", exitCode: .cannotCreate)
    }
  }

  private static func available(_ folder: String) throws(Errno) -> UInt64 {
    switch FileManager.default.isDirectory(atPath: folder) {
    case true?: break
    case false?: throw .notDirectory
    case nil: throw .noSuchFileOrDirectory
    }
    guard let byteCount = StorageDescription.capture(path: folder)?.fileSystem?.availableByteCount else {
      throw .notSupported
    }
    return byteCount
  }
}
