import CLinux
import Glibc
import SystemPackage

/// The time for which a thread could have run and waited for a CPU (run_delay of `/proc/PID/task/TID/schedstat`).
///
/// Any thread may ask. A question costs one system call and allocates nothing.
public final class RunDelayMeter: Sendable {
  private let descriptor: OwnedDescriptor

  private init(adopting descriptor: Int32) { self.descriptor = OwnedDescriptor(adopting: descriptor) }

  /// Opens the account of the calling thread.
  ///
  /// - Returns: nil if the kernel keeps none (CONFIG_SCHED_INFO), or the process may not read it.
  public static func ofCurrentThread() -> RunDelayMeter? {
    guard let descriptor = try? NamedFiles.open("/proc/thread-self/schedstat", flags: O_RDONLY, mode: 0)
    else {
      return nil
    }
    let meter = RunDelayMeter(adopting: descriptor)
    return meter.nanoseconds == nil ? nil : meter
  }

  /// The waiting time so far; nil once the thread has ended.
  public var nanoseconds: UInt64? {
    // Three numbers of at most 20 digits.
    var text = InlineArray<64, UInt8>(repeating: 0)
    var bytes = text.mutableSpan
    guard let count = try? DescriptorBytes.read(descriptor.rawValue, into: &bytes, at: 0) else { return nil }
    // "CPU-time run-delay slices"; the second number is what counts.
    var fields = 0
    var value: UInt64?
    for index in 0..<count {
      let byte = bytes[index]
      if byte == UInt8(ascii: " ") {
        fields += 1
        if fields == 2 { return value }
      } else if fields == 1 {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = (value ?? 0) &* 10 &+ UInt64(byte &- UInt8(ascii: "0"))
      }
    }
    return nil
  }
}
