import Foundation
import HostSystem

#if canImport(Glibc)
  import Glibc
#endif

extension StorageDescription {
  /// Describes what is below `path` on this host; nil if neither it nor a folder above it exists.
  ///
  /// - Parameter path: An image, a block device, or the folder, which may not exist yet, that images are made in.
  static func capture(path: String) -> StorageDescription? {
    let place = URL(filePath: existing(path)).resolvingSymlinksInPath().path
    guard let location = try? StorageLocation(path: place) else { return nil }
    var status = stat()
    guard unsafe stat(place, &status) == 0 else { return nil }
    var storage = StorageDescription(
      path: place, deviceNumber: location.deviceNumber, isBlockDevice: status.st_mode & S_IFMT == S_IFBLK)
    storage.acceptsDirectIO = DirectIO.isAccepted(at: place)
    var space = statvfs()
    if storage.fileSystem != nil, unsafe statvfs(place, &space) == 0 {
      storage.fileSystem?.byteCount = UInt64(space.f_blocks) * UInt64(space.f_frsize)
      storage.fileSystem?.availableByteCount = UInt64(space.f_bavail) * UInt64(space.f_frsize)
    }
    return storage
  }

  /// `path`, or the nearest folder above it that exists.
  static func existing(_ path: String) -> String {
    var folder = path
    while !folder.isEmpty && folder != "/" && !FileManager.default.fileExists(atPath: folder) {
      folder = folder.parentFolder
    }
    return folder.isEmpty ? "." : folder
  }
}
