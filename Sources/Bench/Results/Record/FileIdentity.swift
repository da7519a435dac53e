import Foundation

/// What tells a file from all others, whatever its names: device and inode.
struct FileIdentity: Hashable, Sendable {
  private let device: UInt64
  private let inode: UInt64

  /// The file that `path` leads to, through links; nil if there is none.
  init?(_ path: String) {
    let target = URL(filePath: path).resolvingSymlinksInPath().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: target),
      let device = (attributes[.systemNumber] as? NSNumber)?.uint64Value,
      let inode = (attributes[.systemFileNumber] as? NSNumber)?.uint64Value
    else { return nil }
    self.device = device
    self.inode = inode
  }

  /// Refuses to write to the file `output` of `option` if it is one of `inputs`, which writing would destroy.
  ///
  /// - Throws: ``BenchFailure`` with the exit code of a wrong command line.
  static func refuse(_ option: String, _ output: String, among inputs: [String]) throws {
    guard let identity = FileIdentity(output),
      let input = inputs.first(where: { FileIdentity($0) == identity })
    else { return }
    throw BenchFailure(
      "\(option) \(output) is the input \(input), which it would replace: name another file", exitCode: .usage
    )
  }
}
