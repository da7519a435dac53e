import CLinux
import Glibc
public import SystemPackage

/// The memory of the running program.
public enum ProgramMemory {
  /// The resident bytes of the process, those of shared files included (proc_pid_statm(5)).
  ///
  /// - Throws: ENODATA if the kernel does not say it; the error of the file.
  public static func residentByteCount() throws(Errno) -> UInt64 {
    let file = try OwnedDescriptor.open("/proc/self/statm", flags: O_RDONLY)
    let text = String(
      decoding: try DescriptorBytes.read(file.rawValue, limit: 256, at: 0), as: UTF8.self)
    let words = text.split(separator: " ")
    guard words.count > 1, let pages = UInt64(words[1]) else { throw .noData }
    return pages * UInt64(Mapping.pageByteCount)
  }

  /// Gives back what the start needed and little after it does: the pages of code and constants that were used so far, and free
  /// heap memory.
  ///
  /// A start runs through several megabytes of code once. The pages stay in the page cache, from where the kernel maps those that
  /// are used again, at the price of a page fault each. Any thread; other threads may run meanwhile. Leaves code alone while a
  /// debugger traces the program, because its breakpoints are in the pages.
  public static func releaseStartUp() { linux_release_used_code() }
}
