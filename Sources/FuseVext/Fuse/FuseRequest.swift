import CFuse
import Glibc
import SystemPackage

/// A request of the kernel that waits for exactly one answer.
@safe
struct FuseRequest {
  private let handle: fuse_req_t
  /// `write_flags` of a WRITE (`FUSE_WRITE_` in linux/fuse.h).
  let writeFlags: UInt32
  /// The flags of the descriptor, of READDIR and READDIRPLUS.
  let listingFlags: Int32

  init(_ handle: fuse_req_t, _ thread: ServingThread?) {
    unsafe self.handle = unsafe handle
    writeFlags = thread?.writeFlags ?? 0
    listingFlags = thread?.listingFlags ?? 0
  }

  // A failure to answer is ignored, because the kernel has given the request up.

  func fail(_ error: Errno) { unsafe _ = fuse_reply_err(handle, error.rawValue) }

  func succeed() { unsafe _ = fuse_reply_err(handle, 0) }

  func answerNothing() { unsafe fuse_reply_none(handle) }

  func answer(_ bytes: UnsafeRawBufferPointer) {
    unsafe _ = fuse_reply_buf(handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
  }

  func answer(control bytes: UnsafeRawBufferPointer) {
    unsafe _ = fuse_reply_ioctl(handle, 0, bytes.baseAddress, bytes.count)
  }

  func answer(written byteCount: Int) { unsafe _ = fuse_reply_write(handle, byteCount) }

  func answer(position: UInt64) { unsafe _ = fuse_reply_lseek(handle, Int(clamping: position)) }

  func answer(attributes: stat, timeout: Double) {
    var attributes = attributes
    unsafe _ = fuse_reply_attr(handle, &attributes, timeout)
  }

  func answer(entry: fuse_entry_param) {
    var entry = entry
    unsafe _ = fuse_reply_entry(handle, &entry)
  }

  func answer(created entry: fuse_entry_param, handle file: UInt64, flags: UInt32) -> Bool {
    var entry = entry
    return unsafe cfuse_reply_create(handle, &entry, file, flags) == 0
  }

  func answer(opened file: UInt64, flags: UInt32) -> Bool {
    unsafe cfuse_reply_open(handle, file, flags) == 0
  }

  func answer(linkTarget: [UInt8]) {
    let terminated = linkTarget.map { CChar(bitPattern: $0) } + [0]
    unsafe _ = terminated.withUnsafeBufferPointer { unsafe fuse_reply_readlink(handle, $0.baseAddress) }
  }

  func answer(statistics: statvfs) {
    var statistics = statistics
    unsafe _ = fuse_reply_statfs(handle, &statistics)
  }

  /// Answers a request for bytes, or only for their number.
  func answer(attribute bytes: [UInt8], room: Int) {
    if room == 0 {
      unsafe _ = fuse_reply_xattr(handle, bytes.count)
    } else if bytes.count > room {
      fail(.outOfRange)
    } else {
      unsafe bytes.withUnsafeBytes { unsafe answer($0) }
    }
  }

  /// The calling thread.
  var caller: Caller {
    guard let context = unsafe fuse_req_ctx(handle) else { return .root }
    return unsafe Caller(
      user: context.pointee.uid, group: context.pointee.gid, process: context.pointee.pid)
  }

  /// The bits that the mode of a new file loses.
  var umask: UInt16 {
    guard let context = unsafe fuse_req_ctx(handle) else { return 0 }
    return unsafe UInt16(truncatingIfNeeded: context.pointee.umask)
  }

  /// Adds a name to a listing; the number of bytes that it needs, more than there is room for if it does not fit.
  func add(
    _ name: [UInt8], _ attributes: stat, next: UInt64, to room: UnsafeMutableRawBufferPointer
  ) -> Int {
    var attributes = attributes
    return unsafe withName(name) { name in
      unsafe fuse_add_direntry(
        handle, room.baseAddress?.assumingMemoryBound(to: CChar.self), room.count, name, &attributes,
        Int(clamping: next))
    }
  }

  /// As ``add(_:_:next:to:)``, with all attributes.
  func add(
    _ name: [UInt8], _ entry: fuse_entry_param, next: UInt64, to room: UnsafeMutableRawBufferPointer
  ) -> Int {
    var entry = entry
    return unsafe withName(name) { name in
      unsafe fuse_add_direntry_plus(
        handle, room.baseAddress?.assumingMemoryBound(to: CChar.self), room.count, name, &entry,
        Int(clamping: next))
    }
  }

  private func withName<Result>(_ name: [UInt8], _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    let terminated = name.map { CChar(bitPattern: $0) } + [0]
    return unsafe terminated.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
  }
}
