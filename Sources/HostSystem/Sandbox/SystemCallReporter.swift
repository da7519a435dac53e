import CSeccomp
import SystemPackage

/// Names the system calls that filters would not let through, and lets them happen: a line on standard error for the first call of
/// each by each kind of thread.
public final class SystemCallReporter: Sendable {
  private let channel: OwnedDescriptor

  /// Starts the thread that reports; it lasts as long as the process.
  ///
  /// - Parameter prefix: what each line starts with, such as "lkvm: warning: ".
  public init(prefix: String) throws(SystemCallFilterError) {
    let names = try SystemCallLibrary.shared().names()
    let kinds = ThreadKind.allCases.flatMap { kind in
      let bytes = kind.label.utf8.map { CChar(bitPattern: $0) }
      return bytes + [CChar](repeating: 0, count: CSECCOMP_NAME_BYTES - bytes.count)
    }
    do throws(Errno) {
      var ends: [Int32] = [-1, -1]
      try check(unsafe cseccomp_make_channel(&ends))
      let reading = OwnedDescriptor(adopting: ends[0])
      channel = OwnedDescriptor(adopting: ends[1])
      _ = try HostThread(name: "sandbox-log", cpus: nil) {
        let kindCount = UInt32(ThreadKind.allCases.count)
        // SAFETY: the arrays are as long as the function reads.
        _ = unsafe prefix.withCString {
          unsafe cseccomp_report(reading.rawValue, $0, names, kinds, kindCount)
        }
      }
    } catch { throw .failed(error) }
  }

  /// Installs `filter` on the calling thread, and reports what it would not let through.
  func install(_ filter: SystemCallFilter, on kind: ThreadKind) throws(SystemCallFilterError) {
    let listener = try filter.installWithListener()
    let result = cseccomp_announce(channel.rawValue, listener, kind.rawValue)
    guard result >= 0 else { throw .failed(Errno(rawValue: -result)) }
  }
}
