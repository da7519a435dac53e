import Foundation

/// What a run under another VMM needs of the host.
enum PeerRequirements {
  /// The program of `vmm`: the file at `path`, else the one that is installed.
  ///
  /// - Parameter find: Looks for a program that is installed.
  /// - Throws: ``BenchFailure`` if there is none, or none that can be executed.
  static func program(
    _ vmm: VMM, path: String?, find: (String) -> String? = CommandRun.find
  ) throws -> String {
    if let path {
      guard FileManager.default.fileExists(atPath: path) else {
        throw BenchFailure("--vmm-path: there is no \(path)", exitCode: .noInput)
      }
      guard FileManager.default.isDirectory(atPath: path) != true,
        FileManager.default.isExecutableFile(atPath: path)
      else {
        throw BenchFailure("--vmm-path: \(path) is not an executable file", exitCode: .noPermission)
      }
      return path
    }
    guard let program = find(QEMUCommand.program) else {
      throw BenchFailure(
        "\(QEMUCommand.program) is not installed (Debian: \(QEMUCommand.package))", exitCode: .unavailable)
    }
    return program
  }
}
