import Foundation

/// The host's own memory.
enum HostMemory {
  /// Bytes that can be had without swapping (MemAvailable of /proc/meminfo), or nil where that is unknown.
  static func availableByteCount() -> UInt64? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      return line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }.map { $0 << 10 }
    }
    return nil
  }
}
