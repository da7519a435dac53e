import CExt2
import Glibc
import SystemPackage

/// The extended attributes of one inode (`ext2_xattr_handle`), read when it is made. Values are as the disk has them.
@safe
struct AttributeHandle: ~Copyable {
  private let handle: OpaquePointer

  init(_ metadata: borrowing Metadata, _ number: UInt32) throws(Errno) {
    var opened: OpaquePointer?
    try ext2Check(unsafe ext2fs_xattrs_open(metadata.fileSystem, number, &opened))
    guard let opened = unsafe opened else { throw .ioError }
    // libext2fs would convert access control lists, and trust what they hold.
    var flags = UInt32(XATTR_HANDLE_FLAG_RAW)
    unsafe ext2fs_xattrs_flags(opened, &flags, nil)
    let result = unsafe ext2fs_xattrs_read(opened)
    if result != 0 {
      var unread: OpaquePointer? = unsafe opened
      _ = unsafe ext2fs_xattrs_close(&unread)
      try ext2Check(result)
    }
    unsafe handle = unsafe opened
  }

  deinit {
    var handle: OpaquePointer? = unsafe handle
    _ = unsafe ext2fs_xattrs_close(&handle)
  }

  /// Throws `ENODATA` if there is no such attribute.
  func value(_ name: [UInt8]) throws(Errno) -> [UInt8] {
    var memory: UnsafeMutableRawPointer?
    var byteCount = 0
    // SAFETY: libext2fs allocates the value, which is freed below.
    let result = unsafe withText(name) { unsafe ext2fs_xattr_get(handle, $0, &memory, &byteCount) }
    try ext2Check(result)
    guard let memory = unsafe memory else { return [] }
    let value = unsafe [UInt8](UnsafeRawBufferPointer(start: memory, count: byteCount))
    unsafe free(memory)
    return value
  }

  func names() throws(Errno) -> [[UInt8]] {
    let collector = NameCollector()
    let result = unsafe ext2fs_xattrs_iterate(
      handle,
      { name, _, _, context in
        guard let name = unsafe name, let context = unsafe context else { return XATTR_ABORT }
        // SAFETY: the collector lives until the call returns.
        let collector = unsafe Unmanaged<NameCollector>.fromOpaque(context).takeUnretainedValue()
        collector.names.append(unsafe Array(UnsafeRawBufferPointer(start: name, count: strlen(name))))
        return 0
      }, Unmanaged.passUnretained(collector).toOpaque())
    try ext2Check(result)
    return collector.names
  }

  /// Writes the inode or the block of attributes.
  func set(_ name: [UInt8], _ value: UnsafeRawBufferPointer) throws(Errno) {
    let empty: [UInt8] = [0]
    let result = unsafe withText(name) { name in
      unsafe empty.withUnsafeBytes { empty in
        unsafe ext2fs_xattr_set(handle, name, value.baseAddress ?? empty.baseAddress, value.count)
      }
    }
    try ext2Check(result)
  }

  /// Writes the inode or the block of attributes.
  func set(_ name: [UInt8], _ value: [UInt8]) throws(Errno) {
    var failure: Errno?
    unsafe value.withUnsafeBytes { bytes in
      do throws(Errno) { try unsafe set(name, bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  func remove(_ name: [UInt8]) throws(Errno) {
    try ext2Check(unsafe withText(name) { unsafe ext2fs_xattr_remove(handle, $0) })
  }

  private func withText<Result>(_ name: [UInt8], _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    let text = name.map { CChar(bitPattern: $0) } + [0]
    return unsafe text.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
  }
}

private final class NameCollector {
  var names: [[UInt8]] = []
}
