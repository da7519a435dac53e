import CExt2
import Glibc
import SystemPackage

/// The extended attributes of one inode (`ext2_xattr_handle`), read when it is made. Values are as the disk has them.
@safe
struct AttributeHandle: ~Copyable {
  // SAFETY: `init` opens the handle and `deinit` closes it; the file system stays open, since this value keeps its owner.
  private let handle: OpaquePointer
  private let library: Ext2Handle

  init(_ library: Ext2Handle, _ number: UInt32) throws(Errno) {
    self.library = library
    var opened: OpaquePointer?
    try ext2Check(unsafe ext2fs_xattrs_open(library.pointer, number, &opened))
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
  func set(_ name: [UInt8], _ value: [UInt8]) throws(Errno) {
    // An empty value has an address too.
    let bytes = value + [0]
    try ext2Check(
      unsafe withText(name) { name in unsafe ext2fs_xattr_set(handle, name, bytes, value.count) })
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
