/// What `bench fs` does on a mounted file system.
enum HostWorkload: String, CaseIterable, Codable, Sendable {
  /// Random reads of 4 KiB, one after the other.
  case randomRead = "randread"
  /// Random reads of 4 KiB by four jobs with 16 requests in flight each.
  case randomReadParallel = "randread-4x16"
  /// Random writes of 4 KiB, one after the other.
  case randomWrite = "randwrite"
  /// Sequential reads of 1 MiB.
  case read
  /// Sequential writes of 1 MiB.
  case write
  /// A file that is read once through an empty page cache.
  case streamRead = "stream-read"
  /// A new file that is written through the page cache and flushed.
  case streamWrite = "stream-write"
  /// New files of 1 KiB in one folder.
  case create
  /// Attributes of the files of a folder, by name.
  case stat
  /// The names of a folder.
  case readNames = "readdir"
  /// The removal of the files of a folder.
  case unlink
  /// A tree of files that tar unpacks.
  case untar
  /// What git says of a tree that nobody has changed, once.
  case gitStatus = "git-status"
  /// A part of the same tree that make and the C compiler compile.
  case compile

  /// What the image contains before the workload begins.
  enum Content: String, CaseIterable, Sendable {
    /// One large file.
    case data
    /// A folder with many files.
    case names
    /// A tree of sources with a git repository.
    case sources
    /// Nothing.
    case empty
  }

  /// What it needs on the image.
  var content: Content {
    switch self {
    case .randomRead, .randomReadParallel, .randomWrite, .read, .write, .streamRead, .streamWrite: .data
    case .stat, .readNames, .unlink: .names
    case .gitStatus, .compile: .sources
    case .create, .untar: .empty
    }
  }

  /// Whether fio runs it.
  var usesFio: Bool { content == .data }

  /// The unit of its result, of which more is better.
  var unit: String {
    switch self {
    case .randomRead, .randomReadParallel, .randomWrite: "IOPS"
    case .read, .write, .streamRead, .streamWrite: "MiB/s"
    case .create, .stat, .readNames, .unlink, .untar, .gitStatus, .compile: "files/s"
    }
  }

  /// The programs that it runs, and their packages.
  var programs: [(name: String, package: String)] {
    switch self {
    case .gitStatus: [("git", "git")]
    // The tree comes from git for both.
    case .compile: [("git", "git"), ("make", "make"), ("cc", "gcc")]
    case .untar: [("tar", "tar")]
    case .create, .stat, .readNames, .unlink: []
    case .randomRead, .randomReadParallel, .randomWrite, .read, .write, .streamRead, .streamWrite:
      [("fio", "fio")]
    }
  }
}
