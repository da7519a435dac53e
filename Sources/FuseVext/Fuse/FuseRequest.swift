import CFuse
import Glibc
import SystemPackage

/// A request of the kernel that waits for exactly one answer.
///
/// The first answer is sent, and further ones are not. A request that goes away without one is answered with `EIO`.
@safe
struct FuseRequest: ~Copyable {
  // SAFETY: libfuse makes the request for the function that it calls, and frees it with the answer; `take()` gives the handle to one
  // answer. What an answer refers to is there during the call, which sends it.
  private var handle: fuse_req_t?
  /// The calling thread.
  let caller: Caller
  /// The bits that the mode of a new file loses.
  let umask: UInt16
  /// `write_flags` of a WRITE (`FUSE_WRITE_` in linux/fuse.h).
  let writeFlags: UInt32
  /// The flags of the descriptor, of READDIR and READDIRPLUS.
  let listingFlags: Int32

  init(_ handle: fuse_req_t, _ thread: ServingThread?) {
    unsafe self.handle = unsafe handle
    if let context = unsafe fuse_req_ctx(handle)?.pointee {
      caller = Caller(user: context.uid, group: context.gid, process: context.pid)
      umask = UInt16(truncatingIfNeeded: context.umask)
    } else {
      caller = .root
      umask = 0
    }
    writeFlags = thread?.writeFlags ?? 0
    listingFlags = thread?.listingFlags ?? 0
  }

  deinit { if let handle = unsafe handle { unsafe _ = fuse_reply_err(handle, EIO) } }

  private mutating func take() -> fuse_req_t? {
    defer { unsafe handle = nil }
    return unsafe handle
  }

  // A failure to answer is ignored, because the kernel has given the request up.

  mutating func fail(_ error: Errno) {
    if let handle = unsafe take() { unsafe _ = fuse_reply_err(handle, error.rawValue) }
  }

  mutating func succeed() {
    if let handle = unsafe take() { unsafe _ = fuse_reply_err(handle, 0) }
  }

  mutating func answerNothing() {
    if let handle = unsafe take() { unsafe fuse_reply_none(handle) }
  }

  mutating func answer(_ memory: BlockMemory) {
    guard let handle = unsafe take() else { return }
    let bytes = unsafe memory.unsafeBytes
    unsafe _ = fuse_reply_buf(handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
  }

  mutating func answer(control bytes: [UInt8]) {
    if let handle = unsafe take() { unsafe _ = fuse_reply_ioctl(handle, 0, bytes, bytes.count) }
  }

  mutating func answer(written byteCount: Int) {
    if let handle = unsafe take() { unsafe _ = fuse_reply_write(handle, byteCount) }
  }

  mutating func answer(position: UInt64) {
    if let handle = unsafe take() { unsafe _ = fuse_reply_lseek(handle, Int(clamping: position)) }
  }

  mutating func answer(attributes: stat, timeout: Double) {
    var attributes = attributes
    if let handle = unsafe take() { unsafe _ = fuse_reply_attr(handle, &attributes, timeout) }
  }

  mutating func answer(entry: fuse_entry_param) {
    var entry = entry
    if let handle = unsafe take() { unsafe _ = fuse_reply_entry(handle, &entry) }
  }

  /// The kernel holds a reference to the inode until RELEASE, unless it has given the request up.
  mutating func answer(created entry: fuse_entry_param, _ inode: OpenInode, flags: UInt32) {
    guard let handle = unsafe take() else { return }
    var entry = entry
    let file = FileHandle(retaining: inode)
    if unsafe cfuse_reply_create(handle, &entry, file.number, flags) == 0 { file.keep() }
  }

  /// As ``answer(created:_:flags:)``.
  mutating func answer(opened inode: OpenInode, flags: UInt32) {
    guard let handle = unsafe take() else { return }
    let file = FileHandle(retaining: inode)
    if unsafe cfuse_reply_open(handle, file.number, flags) == 0 { file.keep() }
  }

  /// Answers a request to open a directory, of which the kernel holds nothing.
  mutating func answerOpenedDirectory(flags: UInt32) {
    if let handle = unsafe take() { unsafe _ = cfuse_reply_open(handle, 0, flags) }
  }

  mutating func answer(linkTarget: [UInt8]) {
    guard let handle = unsafe take() else { return }
    unsafe Self.withName(linkTarget) { target in unsafe _ = fuse_reply_readlink(handle, target) }
  }

  mutating func answer(statistics: statvfs) {
    var statistics = statistics
    if let handle = unsafe take() { unsafe _ = fuse_reply_statfs(handle, &statistics) }
  }

  /// Answers a request for bytes, or only for their number.
  mutating func answer(attribute bytes: [UInt8], room: Int) {
    guard room == 0 || bytes.count <= room else { return fail(.outOfRange) }
    guard let handle = unsafe take() else { return }
    if room == 0 {
      unsafe _ = fuse_reply_xattr(handle, bytes.count)
    } else {
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe _ = fuse_reply_buf(handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
      }
    }
  }

  // MARK: Listings

  /// Adds a name to a listing; the number of bytes that it needs, more than there is room for if it does not fit.
  func add(_ name: [UInt8], _ attributes: stat, next: UInt64, to room: BlockMemory) -> Int {
    var attributes = attributes
    let room = unsafe room.unsafeBytes
    return unsafe Self.withName(name) { name in
      unsafe fuse_add_direntry(
        handle, room.baseAddress?.assumingMemoryBound(to: CChar.self), room.count, name, &attributes,
        Int(clamping: next))
    }
  }

  /// As ``add(_:_:next:to:)``, with all attributes.
  func add(_ name: [UInt8], _ entry: fuse_entry_param, next: UInt64, to room: BlockMemory) -> Int {
    var entry = entry
    let room = unsafe room.unsafeBytes
    return unsafe Self.withName(name) { name in
      unsafe fuse_add_direntry_plus(
        handle, room.baseAddress?.assumingMemoryBound(to: CChar.self), room.count, name, &entry,
        Int(clamping: next))
    }
  }

  private static func withName<Result>(_ name: [UInt8], _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    let terminated = name.map { CChar(bitPattern: $0) } + [0]
    return unsafe terminated.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
  }
}

/// The number by which the kernel names an open file, with a reference to its inode.
@safe
struct FileHandle: ~Copyable {
  // SAFETY: the number is the address of a reference that this value owns, unless `keep()` has left it to the kernel.
  let number: UInt64

  init(retaining inode: OpenInode) {
    number = UInt64(UInt(bitPattern: unsafe Unmanaged.passRetained(inode).toOpaque()))
  }

  /// Takes back what ``keep()`` left to the kernel: a number that the kernel does not use any more. 0 stands for no file.
  @unsafe init(returned number: UInt64) { self.number = number }

  /// Leaves the reference to the kernel.
  consuming func keep() { discard self }

  deinit {
    guard let pointer = unsafe UnsafeRawPointer(bitPattern: UInt(number)) else { return }
    unsafe Unmanaged<OpenInode>.fromOpaque(pointer).release()
  }

  /// The inode of a number that the kernel has.
  @unsafe static func inode(_ number: UInt64) -> OpenInode? {
    guard let pointer = unsafe UnsafeRawPointer(bitPattern: UInt(number)) else { return nil }
    return unsafe Unmanaged<OpenInode>.fromOpaque(pointer).takeUnretainedValue()
  }
}
