import HostSystem
import Synchronization

@testable import Hypervisor

/// Keeps the lines of a log.
final class LogRecorder: Sendable {
  private let record = Mutex<[String]>([])

  /// A log that writes here.
  func log(_ device: String) -> VextLog {
    VextLog(device: device, writer: writer())
  }

  /// A writer that writes here.
  func writer() -> LogWriter { LogWriter { [self] line in record.withLock { $0.append(line) } } }

  var lines: [String] { record.withLock { $0 } }

  /// Waits up to five seconds for a line with `text`; tells whether it came.
  func waitForLine(containing text: String) -> Bool {
    eventually(within: 5) { lines.contains { $0.contains(text) } }
  }
}
