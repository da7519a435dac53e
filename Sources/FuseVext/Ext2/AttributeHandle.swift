import CExt2
import Glibc
import SystemPackage

/// The extended attributes of one inode (`ext2_xattr_handle`), read when it is made.
@safe
struct AttributeHandle: ~Copyable {
  private let handle: OpaquePointer

  init(_ metadata: borrowing Metadata, _ number: UInt32) throws(Errno) {
    var opened: OpaquePointer?
    try ext2Check(unsafe ext2fs_xattrs_open(metadata.fileSystem, number, &opened))
    guard let opened = unsafe opened else { throw .ioError }
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

  func value(_ name: String) throws(Errno) -> [UInt8] {
    var memory: UnsafeMutableRawPointer?
    var byteCount = 0
    // SAFETY: libext2fs allocates the value, which is freed below.
    let result = unsafe name.withCString { unsafe ext2fs_xattr_get(handle, $0, &memory, &byteCount) }
    try ext2Check(result)
    guard let memory = unsafe memory else { return [] }
    let value = unsafe [UInt8](UnsafeRawBufferPointer(start: memory, count: byteCount))
    unsafe free(memory)
    return value
  }

  func names() throws(Errno) -> [UInt8] {
    let collector = NameCollector()
    let result = unsafe ext2fs_xattrs_iterate(
      handle,
      { name, _, _, context in
        guard let name = unsafe name, let context = unsafe context else { return XATTR_ABORT }
        // SAFETY: the collector lives until the call returns.
        let collector = unsafe Unmanaged<NameCollector>.fromOpaque(context).takeUnretainedValue()
        // The contents of an inline file.
        if unsafe strcmp(name, "system.data") == 0 { return 0 }
        collector.bytes += Array(unsafe String(cString: name).utf8) + [0]
        return 0
      }, Unmanaged.passUnretained(collector).toOpaque())
    try ext2Check(result)
    return collector.bytes
  }

  /// Writes the inode or the block of attributes.
  func set(_ name: String, _ value: UnsafeRawBufferPointer) throws(Errno) {
    let empty: [UInt8] = [0]
    let result = unsafe name.withCString { name in
      unsafe empty.withUnsafeBytes { empty in
        unsafe ext2fs_xattr_set(handle, name, value.baseAddress ?? empty.baseAddress, value.count)
      }
    }
    try ext2Check(result)
  }

  func remove(_ name: String) throws(Errno) { try remove(Array(name.utf8)) }

  /// Removes an attribute whose name need not be UTF-8.
  func remove(_ name: [UInt8]) throws(Errno) {
    // SAFETY: the name ends with the zero byte that is added here.
    let result = unsafe (name + [0]).withUnsafeBytes {
      unsafe ext2fs_xattr_remove(handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self))
    }
    try ext2Check(result)
  }
}

private final class NameCollector {
  var bytes: [UInt8] = []
}
