import Synchronization

/// A vext device's log of its guest's mistakes. Any thread; never on the data path.
///
/// The number of lines is limited, because a hostile guest must not fill the host's log. ``LogWriter`` writes them on its
/// own thread.
final class VextLog: Sendable {
  /// Maximum number of lines of one device.
  private static let lineLimit = 64

  private let device: String
  private let writer: LogWriter
  private let linesLeft = Atomic<Int>(lineLimit)

  /// A log whose lines start with `device`.
  init(device: String, writer: LogWriter = .shared) {
    self.device = device
    self.writer = writer
  }

  /// A log of another name with a limit of its own and the same writer.
  func renamed(_ device: String) -> VextLog { VextLog(device: device, writer: writer) }

  /// Writes a warning, unless the device has reached its limit.
  func warn(_ message: String) {
    let left = linesLeft.load(ordering: .relaxed)
    guard left > 0 else { return }
    // Two threads at the limit may both write their line: a line more does no harm.
    linesLeft.store(left - 1, ordering: .relaxed)
    writer.write("\(device) \(message)")
    if left == 1 { writer.write("\(device) further messages are left out") }
  }

  /// Waits until all lines are written, for at most 0.1 s, because the log's reader may be blocked.
  func flush() { writer.flush() }
}
