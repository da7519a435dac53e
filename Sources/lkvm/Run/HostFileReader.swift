import CLinux
import Glibc
import HostSystem
import SystemPackage

/// Small files of the host's that an option names.
enum HostFileReader {
  /// The contents of the file at `path`, up to `limit` bytes.
  static func contents(of path: String, option: String, limit: Int) throws(LkvmFailure) -> [UInt8] {
    do throws(Errno) {
      // Without O_NONBLOCK, a FIFO would wait for somebody who writes.
      let descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY | O_NONBLOCK)
      var status = stat()
      try checkErrno(unsafe fstat(descriptor.rawValue, &status))
      switch status.st_mode & S_IFMT {
      case S_IFREG: break
      case S_IFDIR: throw .isDirectory
      default: throw .invalidArgument
      }
      var bytes = [UInt8](repeating: 0, count: limit + 1)
      var count = 0
      while count < bytes.count {
        let result = try checkErrno(
          unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe read(
              descriptor.rawValue, buffer.baseAddress.map { unsafe $0 + count }, buffer.count - count)
          })
        if result == 0 { return Array(bytes[..<count]) }
        count += result
      }
    } catch {
      throw LkvmFailure("\(option) \(path): \(error)")
    }
    throw LkvmFailure("\(option) \(path): larger than \(limit) bytes")
  }

  /// The command's working directory; nil if it does not exist any more.
  static func workingDirectory() -> String? {
    guard let path = unsafe getcwd(nil, 0) else { return nil }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
  }
}
