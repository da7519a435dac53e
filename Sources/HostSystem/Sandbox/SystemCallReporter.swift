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
    let library = try SystemCallLibrary.shared()
    do throws(Errno) {
      let (readingEnd, announcingEnd) = try SystemCallLibrary.makeChannel()
      let reading = OwnedDescriptor(adopting: readingEnd)
      channel = OwnedDescriptor(adopting: announcingEnd)
      _ = try HostThread(name: "sandbox-log", cpus: nil) {
        library.report(from: reading.rawValue, prefix: prefix, kinds: ThreadKind.allCases.map(\.label))
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
