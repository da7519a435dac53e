/// What a run of `bench fs` measures.
struct FileSystemSettings: Codable, Equatable, Sendable {
  /// The file systems, in the order of the table's columns.
  var fileSystems: [HostFileSystem]
  /// The workloads, in the order of the table's lines.
  var workloads: [HostWorkload]
  /// How often each workload runs on each file system.
  var repetitionCount: Int
  /// The size of fio's file.
  var size: ByteSize
  /// How long a workload runs that has no end of its own.
  var runtime: TimeSpan
  /// Files of the workloads that count files.
  var fileCount: Int
  /// What the order of the cells, and the content of files, follow from.
  var seed: UInt64

  /// The names in JSON.
  enum CodingKeys: String, CodingKey {
    case fileSystems = "file_systems"
    case workloads
    case repetitionCount = "repetitions"
    case size = "file_bytes"
    case runtime = "runtime_seconds"
    case fileCount = "files"
    case seed
  }
}

extension FileSystemSettings {
  /// Room for the journal and the structures of a file system.
  private static let structureByteCount: UInt64 = 64 << 20
  /// More than a file of a tree or a folder occupies, its inode included.
  private static let fileByteCount: UInt64 = 16 << 10

  /// The size of an image with `content`: the file and a second one of its size, or all files.
  func imageByteCount(_ content: HostWorkload.Content) -> UInt64 {
    switch content {
    // The second file is the one that stream-write makes; fuse2fs 1.47 finds no block long before the last one is used.
    case .data: Self.structureByteCount + 3 * size.byteCount
    case .names, .sources, .empty: Self.structureByteCount + UInt64(fileCount) * Self.fileByteCount
    }
  }

  /// What the workloads need, each once.
  var contents: [HostWorkload.Content] {
    HostWorkload.Content.allCases.filter { content in workloads.contains { $0.content == content } }
  }

  /// What the folder of the images must have room for: an image of each content, one copy, and what images are made from.
  var byteCount: UInt64 {
    let images = contents.map(imageByteCount)
    return images.reduce(0, +) + 2 * (images.max() ?? 0)
  }
}
