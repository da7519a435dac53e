import Glibc
public import SystemPackage

/// The counters of the host's memory (proc_meminfo(5)). Any thread.
public enum HostMemory {
  /// The bytes that a line `key: 123 kB` of `text` names, also behind a node's name (`Node 0 key: 123 kB`).
  ///
  /// - Returns: nil if there is no such line, or no number below 2^64 bytes in it.
  public static func byteCount(of key: String, in text: String) -> UInt64? {
    for line in text.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let label = line[..<colon]
      guard label == key || label.hasSuffix(" " + key) else { continue }
      guard let kibibytes = line[colon...].dropFirst().split(separator: " ").first.flatMap({ UInt64($0) })
      else { return nil }
      let (bytes, overflow) = kibibytes.multipliedReportingOverflow(by: 1024)
      return overflow ? nil : bytes
    }
    return nil
  }

  /// Bytes that the host can still give, page cache included.
  ///
  /// - Throws: ENODATA if the kernel does not say it; the error of the file.
  public static func availableByteCount() throws(Errno) -> UInt64 {
    let file = try OwnedDescriptor.open("/proc/meminfo", flags: O_RDONLY)
    let text = String(
      decoding: try DescriptorBytes.read(file.rawValue, limit: 4096, at: 0), as: UTF8.self)
    guard let available = byteCount(of: "MemAvailable", in: text) else { throw .noData }
    return available
  }
}
