import Foundation

/// The programs that serve file systems in FUSE.
struct FileSystemPrograms: Equatable, Sendable {
  /// Our program.
  let fuseVext: String
  /// The program of e2fsprogs; nil if it is not installed.
  let fuse2fs: String?

  /// The Debian package of fuse2fs.
  static let fuse2fsPackage = "fuse2fs"

  /// The program beside bench's own.
  static var defaultFuseVext: String {
    URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "fuse-vext").path
  }

  /// The program of `fileSystem`; nil for those of the kernel.
  func path(of fileSystem: HostFileSystem) -> String? {
    switch fileSystem {
    case .fuseVext, .fuseVextRing, .fuseVextRead, .fuseVextCached: fuseVext
    case .fuse2fs: fuse2fs ?? "fuse2fs"
    case .ext4, .ext4Cached: nil
    }
  }
}
