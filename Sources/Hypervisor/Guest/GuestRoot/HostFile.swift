import CLinux
import HostSystem
import SystemPackage

/// Operations on whole files of the host.
enum HostFile {
  static func byteCount(of path: String) throws(Errno) -> Int {
    let descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY)
    return Int(try check(linux_regular_file_size(descriptor.rawValue)))
  }

  /// Reads the file into `target` from its start to its end or until `target` is full. Returns the number of bytes.
  ///
  /// - Parameter overlay: maps `byteCount` bytes of the open file, whole pages, at the start of `target`, and returns
  ///   whether it did; otherwise the bytes are read.
  @unsafe
  static func read(
    _ path: String, into target: UnsafeMutableRawBufferPointer,
    overlay: (_ descriptor: Int32, _ byteCount: Int) -> Bool
  ) throws(Errno) -> Int {
    let descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY)
    let page = Int(GuestMemory.pageByteCount)
    let whole = target.count / page * page
    // Pages behind the end of a file that became shorter can be mapped, but touching them kills the process (SIGBUS).
    guard whole > 0, Int(try check(linux_regular_file_size(descriptor.rawValue))) >= whole,
      overlay(descriptor.rawValue, whole)
    else {
      return unsafe try read(descriptor, into: target)
    }
    try check(linux_seek(descriptor.rawValue, Int64(whole)))
    let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: target[whole...])
    return whole + (unsafe try read(descriptor, into: rest))
  }

  @unsafe
  private static func read(
    _ descriptor: borrowing OwnedDescriptor, into target: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    guard let base = target.baseAddress else { return 0 }
    var count = 0
    while count < target.count {
      let result = unsafe linux_read(descriptor.rawValue, base + count, target.count - count)
      let byteCount = Int(try check(result))
      if byteCount == 0 { break }
      count += byteCount
    }
    return count
  }

  /// Returns the bytes of a regular file.
  static func contents(of path: String) throws(Errno) -> [UInt8] {
    let descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY)
    let byteCount = Int(try check(linux_regular_file_size(descriptor.rawValue)))
    var failure: Errno?
    let number = descriptor.rawValue
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      while count < byteCount {
        let result = unsafe linux_read(number, base + count, byteCount - count)
        if result <= 0 {
          if result < 0 { failure = Errno(rawValue: CInt(-result)) }
          break
        }
        count += Int(result)
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// The names in the directory at `path`; none if there is no such directory.
  static func names(in path: String) throws(GuestRootError) -> [String] {
    do throws(Errno) { return try DirectoryNames.read(path) } catch {
      if error == .noSuchFileOrDirectory { return [] }
      throw .cannotRead(path: path, error)
    }
  }

  /// Whether a directory is at `path`, or a link to one.
  static func isDirectory(_ path: String) -> Bool {
    unsafe path.withCString { unsafe linux_path_is_directory($0) } != 0
  }

  /// Replaces the file at `target` atomically.
  static func rename(_ source: String, to target: String) throws(Errno) {
    try check(
      unsafe source.withCString { source in
        unsafe target.withCString { unsafe linux_rename_in(AT_FDCWD, source, AT_FDCWD, $0) }
      })
  }

  /// Creates the file at `path`, which must not exist, with `contents`.
  static func create(_ path: String, _ contents: [UInt8], permissions: UInt32) throws(Errno) {
    let descriptor = try OwnedDescriptor.open(path, flags: O_WRONLY | O_CREAT | O_EXCL, mode: permissions)
    var rest = contents[...]
    while !rest.isEmpty {
      let result = unsafe rest.withUnsafeBytes { bytes in
        unsafe linux_write(descriptor.rawValue, bytes.baseAddress, bytes.count)
      }
      rest = rest.dropFirst(Int(try check(result)))
    }
    try descriptor.close()
  }
}
