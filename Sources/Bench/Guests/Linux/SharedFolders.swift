import Foundation

/// Folders of the host that guests use over virtio-9p or virtio-fs, one for each guest, with the workload's files in them.
///
/// The files are whole from the start, as on the images of ``FileSystemImage``.
final class SharedFolders {
  private let path: String
  private let files: [(name: String, byteCount: UInt64)]
  private var holder: ScratchFolderHolder?

  /// Folders in `path`, which is made when the first of them is needed and removed with this object.
  init(files: [(name: String, byteCount: UInt64)], path: String) {
    self.files = files
    self.path = path
  }

  /// Bytes of the files of a folder.
  var byteCount: UInt64 { files.reduce(0) { $0 + $1.byteCount } }

  /// The folders of `guestCount` guests, made if they are not there.
  ///
  /// - Throws: ``BenchFailure``, or ``RunInterruption`` if `isInterrupted` said so while the files were made.
  func make(guestCount: Int, isInterrupted: () -> Bool) throws -> [String] {
    let folders = (0..<guestCount).map { "\(path)/guest\($0)" }
    guard holder == nil else { return folders }
    let holder = try ScratchFolderHolder(path)
    for folder in folders {
      do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      } catch {
        throw BenchFailure(
          "cannot make the folder \(folder): \(error.plainWords)", exitCode: .cannotCreate)
      }
      for file in filePaths(in: folder) {
        try ScratchDisks.makeFile(
          file.path, byteCount: file.byteCount, isFilled: true, isInterrupted: isInterrupted)
      }
    }
    self.holder = holder
    return folders
  }

  /// The files of a folder.
  func filePaths(in folder: String) -> [(path: String, byteCount: UInt64)] {
    files.map { ("\(folder)/\($0.name)", $0.byteCount) }
  }
}
