/// What only a Linux guest has.
struct LinuxConfiguration: Codable, Equatable, Sendable {
  /// The kernel's file.
  var kernelPath: String
  /// An initial RAM disk that is unpacked before bench's own; nil: none.
  var initrdPath: String?
  /// Added to the kernel's command line.
  var kernelParameters: String
  /// RAM of each guest.
  var memory: ByteSize
  /// How fio asks the guest's kernel for I/O.
  var ioengine: FioEngine
  /// How long the guest's own exits are measured: idle, and computing. 0: not at all.
  var idleSpan: TimeSpan
  /// The fio job file; nil: a job made from the other options.
  var job: FioJobFile?
  /// The type of the images that bench makes; nil: ext4.
  var imageType: ImageType?

  enum CodingKeys: String, CodingKey {
    case kernelPath = "kernel"
    case initrdPath = "initrd"
    case kernelParameters = "kernel_parameters"
    case memory = "memory_bytes"
    case ioengine
    case idleSpan = "idle_s"
    case job
    case imageType = "mkfs"
  }
}

/// How fio asks the guest's kernel for I/O.
enum FioEngine: String, CaseIterable, Codable, Sendable {
  case libaio
  /// lseek(2), then read(2) or write(2): one request at a time.
  case sync
  case iouring = "io_uring"
  /// io_uring whose submitter polls for completions: fio's `hipri=1`, the kernel's `IORING_SETUP_IOPOLL`.
  case polledIOUring = "io_uring-hipri"

  /// The lines of a job file that choose it.
  var jobLines: [String] {
    switch self {
    case .libaio, .sync, .iouring: ["ioengine=\(rawValue)"]
    case .polledIOUring: ["ioengine=io_uring", "hipri=1"]
    }
  }
}

/// The member of the ext family that bench makes on images: `--mkfs`.
enum ImageType: String, CaseIterable, Codable, Sendable {
  /// Block maps and no journal.
  case ext2
  /// Block maps and a journal.
  case ext3
  /// Extents and a journal.
  case ext4

  /// The program that makes it.
  var program: String { "mkfs.\(rawValue)" }

  /// The file systems that mount it, in words. The kernel's ext4 driver and both programs in FUSE mount all three types.
  static var users: String {
    GuestFileSystem.allCases.filter { $0.structure == .ext }.map(\.rawValue).joined(separator: ", ")
  }
}
