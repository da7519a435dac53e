import Synchronization

/// What a vext device says of its guest's mistakes, bounded: a hostile guest must not fill the host's log.
///
/// Any thread; never on the data path. An I/O thread leaves its lines to the thread of ``LogWriter``.
final class VextLog: Sendable {
  /// Lines that one device may write in its life.
  private static let lineLimit = 64

  private let device: String
  private let writer: LogWriter
  private let linesLeft = Atomic<Int>(lineLimit)

  /// A log whose lines start with `device`.
  init(device: String, writer: LogWriter = .shared) {
    self.device = device
    self.writer = writer
  }

  /// Writes one warning, unless the device has had its say.
  func warn(_ message: String) {
    let left = linesLeft.load(ordering: .relaxed)
    guard left > 0 else { return }
    // Two threads at the limit may both write their line: a line more does no harm.
    linesLeft.store(left - 1, ordering: .relaxed)
    writer.write("\(device) \(message)")
    if left == 1 { writer.write("\(device) further messages are left out") }
  }

  /// Waits until what was said is written, but not for long: somebody may have stopped reading.
  func flush() { writer.flush() }
}
