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
    do throws(Errno) {
      let ends = try SystemCallInterface.makeChannel()
      let reading = OwnedDescriptor(adopting: ends.reading)
      channel = OwnedDescriptor(adopting: ends.writing)
      let labels = Self.labels
      _ = try HostThread(name: "sandbox-log", cpus: nil) {
        SystemCallInterface.report(from: reading.rawValue, prefix: prefix, labels: labels)
      }
    } catch { throw .failed(error) }
  }

  /// The labels of all kinds, one behind the other, by the number with which listeners are announced.
  private static var labels: [CChar] {
    ThreadKind.allCases.flatMap { kind in
      let label = kind.label.utf8.prefix(Int(CSECCOMP_LABEL_BYTES) - 1).map { CChar(bitPattern: $0) }
      return label + [CChar](repeating: 0, count: Int(CSECCOMP_LABEL_BYTES) - label.count)
    }
  }

  /// Installs `filter` on the calling thread, and reports what it would not let through.
  func install(_ filter: SystemCallFilter, on kind: ThreadKind) throws(SystemCallFilterError) {
    let listener = try filter.installWithListener()
    let result = cseccomp_announce(channel.rawValue, listener, kind.rawValue)
    guard result >= 0 else { throw .failed(Errno(rawValue: -result)) }
  }
}
