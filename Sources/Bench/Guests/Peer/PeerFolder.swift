import Foundation

/// A folder for what another VMM wants as files. It goes with its last user.
final class PeerFolder {
  /// Where it is.
  let path: String

  /// Makes the folder.
  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)").path
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
      try Data(PeerFirmware.bytes).write(to: URL(filePath: firmware))
    } catch {
      try? FileManager.default.removeItem(atPath: path)
      throw BenchFailure(
        "cannot make files in \(path): \(error.plainWords)", exitCode: .cannotCreate)
    }
  }

  deinit {
    // Files that are left in it do no harm.
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The firmware's file.
  var firmware: String { "\(path)/firmware" }
  /// Where the messages of guest `index`'s program go.
  func errors(guest index: Int) -> String { "\(path)/errors\(index)" }
}
