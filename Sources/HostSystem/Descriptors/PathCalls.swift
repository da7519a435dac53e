import CLinux
import Glibc
import SystemPackage

/// System calls that take a path or a name, in Swift's terms. A zero byte in it, where C would cut it, is `EINVAL`.
///
/// Any thread. What the calls block on is what open(2), connect(2) and so on block on.
enum PathCalls {
  // SAFETY: every function below passes `call` a C string that lives for the duration of the system call, and results in this
  // frame, which live as long.

  private static func call<Result: SignedInteger>(
    _ path: String, _ body: (UnsafePointer<CChar>) -> Result
  ) throws(Errno) -> Result {
    guard !path.utf8.contains(0) else { throw .invalidArgument }
    return try check(unsafe path.withCString(body))
  }

  // MARK: Files

  /// `open(2)` with `O_CLOEXEC`.
  static func open(_ path: String, flags: Int32, mode: UInt32) throws(Errno) -> Int32 {
    try unsafe call(path) { unsafe linux_open($0, flags, mode) }
  }

  /// Opens `name` below the open folder `directory`, without following a link (`openat2(2)`).
  static func open(
    _ name: String, beneath directory: Int32, flags: Int32, mode: UInt32
  ) throws(Errno) -> Int32 {
    try unsafe call(name) { unsafe linux_open_beneath(directory, $0, flags, mode) }
  }

  /// Opens the regular file `name` there for reading, without waiting. `EINVAL` for anything else.
  static func openRegularFile(_ name: String, beneath directory: Int32) throws(Errno) -> Int32 {
    try unsafe call(name) { unsafe linux_open_regular_beneath(directory, $0) }
  }

  /// Makes a folder for its owner alone; one that is there stays as it is.
  static func createDirectory(_ path: String) throws(Errno) {
    _ = try unsafe call(path) { unsafe linux_directory_create($0) }
  }

  /// The path of the same file without links, `.` and `..` (`realpath(3)`).
  static func resolved(_ path: String) throws(Errno) -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    _ = try unsafe call(path) { unsafe linux_realpath($0, &buffer) }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Whether the calling user can see that there is something at `path`.
  static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// The names in the folder at `path` but `.` and `..`, in no order.
  static func entryNames(_ path: String) throws(Errno) -> [String] {
    guard let stream = unsafe opendir(path) else { throw Errno(rawValue: errno) }
    defer { unsafe _ = closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      // SAFETY: the kernel's name ends with a zero byte, and the entry lives until the next readdir(3).
      let name = unsafe String(cString: linux_entry_name(entry))
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// What kind of file `path` is.
  static func kind(of path: String) throws(Errno) -> linux_file_kind {
    var kind = linux_file_kind()
    _ = try unsafe call(path) { unsafe linux_file_kind_of($0, &kind) }
    return kind
  }

  /// By which the file at `path` is recognized under all its names.
  static func identity(of path: String) throws(Errno) -> linux_file_identity {
    var identity = linux_file_identity()
    _ = try unsafe call(path) { unsafe linux_path_identity_of($0, &identity) }
    return identity
  }

  /// The numbers of the block device that `path` is or lies on.
  static func device(below path: String) throws(Errno) -> (major: UInt32, minor: UInt32) {
    var (major, minor): (UInt32, UInt32) = (0, 0)
    _ = try unsafe call(path) { unsafe linux_device_below($0, &major, &minor) }
    return (major, minor)
  }

  /// The file of the loop device at `path`, and whether the device takes no writes.
  static func loopFile(_ path: String) throws(Errno) -> (file: linux_file_identity, isReadOnly: Bool) {
    var file = linux_file_identity()
    var isReadOnly: Int32 = 0
    _ = try unsafe call(path) { unsafe linux_loop_file($0, &file, &isReadOnly) }
    return (file, isReadOnly != 0)
  }

  // MARK: Memory

  /// A memfd of `byteCount` zeroes.
  static func memoryFile(_ name: String, byteCount: Int) throws(Errno) -> Int32 {
    try unsafe call(name) { unsafe linux_memory_file($0, byteCount, 0) }
  }

  /// A memfd of `byteCount` zeroes with `seals`.
  static func sealedMemoryFile(_ name: String, byteCount: Int, seals: Int32) throws(Errno) -> Int32 {
    try unsafe call(name) { unsafe linux_sealed_memory_file($0, byteCount, seals, 0) }
  }

  // MARK: Sockets

  /// A stream socket that listens at `path`, for its owner alone.
  static func listen(_ path: String, backlog: Int32) throws(Errno) -> Int32 {
    try unsafe call(path) { unsafe linux_socket_listen($0, backlog) }
  }

  /// A stream socket that is connected to the one at `path`.
  static func connect(_ path: String) throws(Errno) -> Int32 {
    try unsafe call(path) { unsafe linux_socket_connect($0) }
  }

  /// A packet socket that listens at `path`.
  static func listenForPackets(_ path: String, backlog: Int32, isOpenToAll: Bool) throws(Errno) -> Int32 {
    try unsafe call(path) { unsafe linux_packet_listen($0, backlog, isOpenToAll ? 1 : 0) }
  }

  /// A stream socket that listens at `path`.
  static func listenForDescriptors(_ path: String, backlog: Int32, isOpenToAll: Bool) throws(Errno) -> Int32 {
    try unsafe call(path) { unsafe linux_stream_listen($0, backlog, isOpenToAll ? 1 : 0) }
  }

  /// A packet socket that is connected to the one at `path`.
  static func connectForPackets(_ path: String) throws(Errno) -> Int32 {
    try unsafe call(path) { unsafe linux_packet_connect($0) }
  }

  /// Whether the file at `path` is a socket.
  static func isSocket(_ path: String) throws(Errno) -> Bool {
    try unsafe call(path) { unsafe linux_path_is_socket($0) } == 1
  }

  /// `unlink(2)`.
  static func remove(_ path: String) throws(Errno) {
    _ = try unsafe call(path) { unsafe linux_path_remove($0) }
  }
}
