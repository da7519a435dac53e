import CFuse
import Glibc
import Synchronization
import SystemPackage

/// Answers the kernel's requests from a ``FileSystem``.
///
/// libfuse calls the functions of ``operations`` on the thread that took the request; the thread's ``ServingThread`` is in
/// a key of the thread.
final class FuseServer: Sendable {
  let fileSystem: FileSystem
  /// Every open file goes past the kernel's cache.
  let isDirect: Bool
  /// Every caller may do everything.
  let fakesRoot: Bool
  /// The agreement between the kernel and this server.
  let agreement = KernelAgreement()
  /// The descriptor of /dev/fuse while the file system is mounted.
  let device = Atomic<Int32>(-1)
  private let threadKey: pthread_key_t

  /// Time in seconds for which the kernel may cache names and attributes, because no other writer changes the file
  /// system.
  static let timeout = 3600.0

  init(fileSystem: FileSystem, isDirect: Bool, fakesRoot: Bool = false) throws(Errno) {
    self.fileSystem = fileSystem
    self.isDirect = isDirect
    self.fakesRoot = fakesRoot
    var key = pthread_key_t()
    let result = unsafe pthread_key_create(&key, nil)
    guard result == 0 else { throw Errno(rawValue: result) }
    threadKey = key
  }

  deinit { pthread_key_delete(threadKey) }

  /// Lends the calling thread its state, which must outlive the thread's requests.
  func adopt(_ thread: ServingThread) {
    unsafe _ = pthread_setspecific(threadKey, Unmanaged.passUnretained(thread).toOpaque())
  }

  fileprivate var thread: ServingThread? {
    guard let context = unsafe pthread_getspecific(threadKey) else { return nil }
    // SAFETY: the thread holds its state for as long as it takes requests.
    return unsafe Unmanaged<ServingThread>.fromOpaque(context).takeUnretainedValue()
  }

  // MARK: Numbers

  /// The kernel calls the root 1; ext4 calls it 2, and its inode 1 has no name.
  static func inodeNumber(_ node: fuse_ino_t) throws(Errno) -> UInt32 {
    if node == fuse_ino_t(FUSE_ROOT_ID) { return FileSystem.root }
    guard let number = UInt32(exactly: node), number > 2 else { throw .staleNFSFileHandle }
    return number
  }

  /// The answer about a name.
  static func entry(_ found: FileSystem.Found) -> fuse_entry_param {
    fuse_entry_param(
      ino: fuse_ino_t(found.number), generation: UInt64(found.generation), attr: found.attributes,
      attr_timeout: timeout,
      entry_timeout: found.isOnlyName ? timeout : 0)
  }

  // MARK: Open files

  /// The number by which the kernel names an open file: it holds a reference until RELEASE.
  static func handle(retaining inode: OpenInode) -> UInt64 {
    UInt64(UInt(bitPattern: unsafe Unmanaged.passRetained(inode).toOpaque()))
  }

  static func file(_ info: UnsafeMutablePointer<fuse_file_info>?) throws(Errno) -> OpenInode {
    guard let info = unsafe info, let pointer = unsafe UnsafeRawPointer(bitPattern: UInt(info.pointee.fh))
    else {
      throw .badFileDescriptor
    }
    // SAFETY: the kernel passes what the answer to OPEN or CREATE held, and not after RELEASE.
    return unsafe Unmanaged<OpenInode>.fromOpaque(pointer).takeUnretainedValue()
  }

  static func releaseHandle(_ handle: UInt64) {
    guard let pointer = unsafe UnsafeRawPointer(bitPattern: UInt(handle)) else { return }
    // SAFETY: pairs with `handle(retaining:)`.
    unsafe Unmanaged<OpenInode>.fromOpaque(pointer).release()
  }

  /// The flags that decide how the kernel treats an open file.
  func openFlags(_ flags: Int32) -> UInt32 {
    let noFlush = UInt32(FOPEN_NOFLUSH)
    let isDirectDescriptor = flags & OpenFlag.direct != 0 && agreement.flags.contains(.directIOAllowsMapping)
    // Before Linux 6.6 a file with FOPEN_DIRECT_IO cannot be mapped with MAP_SHARED, and its writes leave stale pages behind.
    // The kernel's own O_DIRECT does neither.
    guard isDirect || isDirectDescriptor else { return UInt32(FOPEN_KEEP_CACHE) | noFlush }
    return UInt32(FOPEN_DIRECT_IO) | UInt32(CFUSE_OPEN_PARALLEL_DIRECT_WRITES) | noFlush
  }
}

/// Serves one request: an error that is thrown is the answer.
func serve(
  _ handle: fuse_req_t?, _ body: (FuseRequest, FuseServer, Worker) throws(Errno) -> Void
) {
  guard let handle = unsafe handle, let context = unsafe fuse_req_userdata(handle) else { return }
  // SAFETY: the session's owner keeps the server alive.
  let server = unsafe Unmanaged<FuseServer>.fromOpaque(context).takeUnretainedValue()
  let thread = server.thread
  let request = unsafe FuseRequest(handle, thread)
  guard let thread else { return request.fail(.ioError) }
  thread.worker.caller = server.fakesRoot ? .root : request.caller
  do throws(Errno) {
    try body(request, server, thread.worker)
  } catch {
    request.fail(error)
  }
}

/// A name from the kernel.
func name(_ pointer: UnsafePointer<CChar>?) -> [UInt8] {
  guard let pointer = unsafe pointer else { return [] }
  return unsafe Array(UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
}
