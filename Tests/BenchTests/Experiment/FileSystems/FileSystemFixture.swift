@testable import Bench

/// Settings and measurements of `bench fs`, made up.
enum FileSystemFixture {
  static let settings = FileSystemSettings(
    fileSystems: [.fuseVext, .ext4, .fuse2fs], workloads: [.randomRead, .read, .create], repetitionCount: 3,
    size: ByteSize(byteCount: 8 << 20), runtime: .milliseconds(200), fileCount: 100, seed: 7)

  /// A measurement of `value` files per second.
  static func creations(_ value: Double, _ fileSystem: HostFileSystem, repetition: Int)
    -> FileSystemMeasurement
  {
    FileSystemMeasurement(
      cell: .init(position: 1, fileSystem: fileSystem, workload: .create, repetition: repetition, seed: 0),
      work: .init(operationCount: 100, seconds: 100 / value))
  }
}
