import CLinux
import Glibc
import SystemPackage

/// System calls on files by their paths. Symbolic links are followed unless a function says otherwise.
// SAFETY: each path becomes a C string that lives until the call returns, and each result is a value of the caller's.
package enum NamedFiles {
  /// Whether something is at `path`, even a symbolic link that leads nowhere.
  package static func exists(_ path: String) -> Bool {
    unsafe path.withCString { unsafe linux_path_exists($0) } != 0
  }

  /// Whether a directory is at `path`.
  package static func isDirectory(_ path: String) -> Bool {
    unsafe path.withCString { unsafe linux_path_is_directory($0) } != 0
  }

  /// Whether a regular file is at `path`.
  package static func isRegularFile(_ path: String) -> Bool {
    unsafe path.withCString { unsafe linux_path_is_regular_file($0) } != 0
  }

  /// Whether others than its owner may make and remove files in the directory at `path`; false if stat(2) fails.
  package static func isWritableByOthers(_ path: String) -> Bool {
    unsafe path.withCString { unsafe linux_directory_is_writable_by_others($0) } > 0
  }

  /// Checks that this process may read the file at `path` (access(2), R_OK).
  package static func checkReadable(_ path: String) throws(Errno) {
    try call { unsafe path.withCString { unsafe access($0, R_OK) } }
  }

  /// The type and permissions of the file at `path` (stat(2)).
  package static func mode(of path: String) throws(Errno) -> UInt32 {
    var status = stat()
    try call { unsafe stat(path, &status) }
    return status.st_mode
  }

  /// The page size of the hugetlbfs at `path`, in bytes (statfs(2)).
  ///
  /// - Throws: EINVAL for another file system.
  package static func hugePageByteCount(at path: String) throws(Errno) -> UInt64 {
    var status = statfs()
    try call { unsafe statfs(path, &status) }
    // HUGETLBFS_MAGIC of linux/magic.h.
    guard status.f_type == 0x9584_58F6, status.f_bsize > 0 else { throw .invalidArgument }
    return UInt64(status.f_bsize)
  }

  /// The numbers of the block device that `path` is, or that its file system is on.
  package static func device(below path: String) throws(Errno) -> (major: UInt32, minor: UInt32) {
    var (major, minor): (UInt32, UInt32) = (0, 0)
    try check(unsafe linux_device_below(path, &major, &minor))
    return (major, minor)
  }

  /// The path without symbolic links (realpath(3)).
  package static func resolve(_ path: String) throws(Errno) -> String {
    // The call writes at most PATH_MAX bytes.
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    try check(unsafe path.withCString { unsafe linux_realpath($0, &buffer) })
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Gives the file at `source` the path `target`, in place of the file there.
  package static func rename(_ source: String, to target: String) throws(Errno) {
    try check(unsafe linux_rename_in(AT_FDCWD, source, AT_FDCWD, target))
  }

  /// Removes the name `path` of a file, or of an empty directory.
  package static func remove(_ path: String, isDirectory: Bool = false) throws(Errno) {
    try check(unsafe linux_unlink_in(AT_FDCWD, path, isDirectory ? 1 : 0))
  }

  /// Creates a directory whose permissions the umask limits.
  package static func makeDirectory(_ path: String, permissions: UInt32) throws(Errno) {
    try check(unsafe linux_make_directory(AT_FDCWD, path, permissions))
  }

  /// Creates the symbolic link `path` to `target`.
  package static func makeSymbolicLink(_ path: String, to target: String) throws(Errno) {
    try check(unsafe linux_make_symbolic_link(target, AT_FDCWD, path))
  }

  /// Sets the permissions of the file at `path`, whatever the umask is.
  package static func setPermissions(_ path: String, _ permissions: UInt32) throws(Errno) {
    try check(unsafe linux_chmod(path, permissions))
  }

  /// The release of the running kernel, as `uname -r` prints it.
  package static func kernelRelease() -> String {
    var name = utsname()
    guard unsafe uname(&name) == 0 else { return "" }
    return unsafe withUnsafeBytes(of: name.release) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  // MARK: Mounts

  /// A descriptor of a copy of the mount at `path`, attached nowhere (open_tree(2), mount_setattr(2)).
  ///
  /// - Parameters:
  ///   - isRecursive: with the mounts below it.
  ///   - attributes: of LINUX_MOUNT_*.
  package static func copyMount(_ path: String, isRecursive: Bool, attributes: UInt64) throws(Errno) -> Int32
  {
    try unsafe call(path) { unsafe linux_copy_mount($0, isRecursive ? 1 : 0, attributes) }
  }

  /// Attaches a copy of a mount at `path`, a directory exactly if the copy is of one (move_mount(2)).
  package static func attachMount(_ mount: Int32, at path: String) throws(Errno) {
    _ = try unsafe call(path) { unsafe linux_attach_mount(mount, $0) }
  }

  /// Mounts a file system of `type` at `path`, without programs, devices and set-user-ID bits (mount(2)).
  package static func mount(_ type: StaticString, at path: String, options: StaticString) throws(Errno) {
    let (type, options) = (FileName(type), FileName(options))
    _ = try unsafe call(path) { unsafe linux_mount_plain(type.bytes, $0, options.bytes) }
  }

  /// Makes the mount at `path` the root of all processes of the mount namespace, without the one before (pivot_root(2)).
  package static func changeRoot(to path: String) throws(Errno) {
    _ = try unsafe call(path) { unsafe linux_change_root($0) }
  }

  /// Changes the process's working directory (chdir(2)).
  package static func changeDirectory(to path: String) throws(Errno) {
    _ = try unsafe call(path) { unsafe linux_change_directory($0) }
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

  // MARK: -

  /// Calls a function of the C library that returns 0, or -1 with an error in errno.
  private static func call(_ function: () -> Int32) throws(Errno) {
    guard function() == 0 else { throw Errno(rawValue: errno) }
  }

  private static func call<Result: SignedInteger>(
    _ path: String, _ body: (UnsafePointer<CChar>) -> Result
  ) throws(Errno) -> Result {
    // C would cut it there.
    guard !path.utf8.contains(0) else { throw .invalidArgument }
    return try check(unsafe path.withCString(body))
  }
}
