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
  static func read(
    _ path: String, into target: IOVector, overlay: (_ descriptor: Int32, _ byteCount: Int) -> Bool
  ) throws(Errno) -> Int {
    let descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY)
    let page = Int(GuestMemory.pageByteCount)
    let whole = target.byteCount / page * page
    // Pages behind the end of a file that became shorter can be mapped, but touching them kills the process (SIGBUS).
    guard whole > 0, Int(try check(linux_regular_file_size(descriptor.rawValue))) >= whole,
      overlay(descriptor.rawValue, whole)
    else {
      return try target.fill(from: descriptor.rawValue, at: 0)
    }
    var rest = target
    rest.removeFirst(whole)
    return whole + (try rest.fill(from: descriptor.rawValue, at: UInt64(whole)))
  }

  /// Returns the bytes of a regular file.
  static func contents(of path: String) throws(Errno) -> [UInt8] {
    let descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY)
    let byteCount = Int(try check(linux_regular_file_size(descriptor.rawValue)))
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
      let part = try DescriptorBytes.read(descriptor.rawValue, limit: byteCount - bytes.count)
      if part.isEmpty { break }
      bytes = bytes.isEmpty ? part : bytes + part
    }
    return bytes
  }

  /// The names in the directory at `path`; none if there is no such directory.
  static func names(in path: String) throws(GuestRootError) -> [String] {
    do throws(Errno) { return try DirectoryNames.read(path) } catch {
      if error == .noSuchFileOrDirectory { return [] }
      throw .cannotRead(path: path, error)
    }
  }

  /// Creates the file at `path`, which must not exist, with `contents`.
  static func create(_ path: String, _ contents: [UInt8], permissions: UInt32) throws(Errno) {
    let descriptor = try OwnedDescriptor.open(path, flags: O_WRONLY | O_CREAT | O_EXCL, mode: permissions)
    var rest = contents[...]
    while !rest.isEmpty {
      rest = rest.dropFirst(try DescriptorBytes.write(descriptor.rawValue, rest.span))
    }
    try descriptor.close()
  }
}
