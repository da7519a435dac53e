import CLinux
import Glibc
public import SystemPackage

/// A folder in which somebody else makes files, such as a guest: opening follows no links and never waits.
///
/// Any thread.
public struct UntrustedFolder: ~Copyable, Sendable {
  /// Where it is.
  public let path: String
  private let descriptor: OwnedDescriptor

  /// Opens the folder at `path`, whose own path is trusted.
  public init(path: String) throws(Errno) {
    self.path = path
    descriptor = try OwnedDescriptor.open(path, flags: LINUX_O_PATH | LINUX_O_DIRECTORY)
  }

  /// The contents of the regular file `name`.
  ///
  /// - Throws: `EINVAL` unless it is a regular file, `EFBIG` for more than `byteLimit` bytes.
  public func contents(of name: String, byteLimit: Int) throws(Errno) -> [UInt8] {
    let file = OwnedDescriptor(
      adopting: try NamedFiles.openRegularFile(name, beneath: descriptor.rawValue))
    let byteCount = Int(clamping: try check(linux_regular_file_size(file.rawValue)))
    guard byteCount <= byteLimit else { throw .fileTooLarge }
    // The file may have another size by now.
    return try DescriptorBytes.readToEnd(file.rawValue, byteLimit: byteCount)
  }

  /// Whether `name` is a regular file; not a link to one.
  public func isRegularFile(_ name: String) -> Bool {
    do throws(Errno) {
      return try status(of: name).mode & S_IFMT == S_IFREG
    } catch {
      // What cannot be examined is no file that is of use.
      return false
    }
  }

  /// When the contents of the regular file `name` last changed, in nanoseconds since 1970; nil before that or too far on.
  ///
  /// - Throws: `EINVAL` unless it is a regular file.
  public func modificationNanoseconds(of name: String) throws(Errno) -> UInt64? {
    let status = try status(of: name)
    guard status.mode & S_IFMT == S_IFREG else { throw .invalidArgument }
    guard let seconds = UInt64(exactly: status.modification_seconds),
      let nanoseconds = UInt64(exactly: status.modification_nanoseconds)
    else { return nil }
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carry) = whole.addingReportingOverflow(nanoseconds)
    return overflow || carry ? nil : sum
  }

  private func status(of name: String) throws(Errno) -> linux_file_status {
    let file = OwnedDescriptor(
      adopting: try NamedFiles.open(name, beneath: descriptor.rawValue, flags: LINUX_O_PATH, mode: 0))
    return try DirectoryFiles.status(of: file.rawValue)
  }

  /// Makes the empty file `name`.
  ///
  /// - Throws: `EEXIST` if there is anything of this name, be it a link that leads nowhere.
  public func create(_ name: String) throws(Errno) {
    _ = OwnedDescriptor(
      adopting: try NamedFiles.open(
        name, beneath: descriptor.rawValue, flags: LINUX_O_CREAT | LINUX_O_EXCL | O_WRONLY, mode: 0o644))
  }
}
