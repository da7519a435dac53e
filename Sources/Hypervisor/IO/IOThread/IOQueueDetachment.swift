import HostSystem

/// A queue on its way out of a server.
public struct IOQueueDetachment: Sendable {
  private let command: IOThreadCommand?

  /// - Parameter command: what the I/O thread is to do; nil: it is done.
  init(_ command: IOThreadCommand? = nil) { self.command = command }

  /// Whether all requests have ended, and the server will not touch the queue again.
  public var isDone: Bool { command?.isDone ?? true }

  /// Waits until all are done, at most for `nanoseconds`.
  ///
  /// - Returns: whether they are.
  static func wait(for detachments: [IOQueueDetachment], nanoseconds: UInt64) -> Bool {
    HostClock.waitForValue(every: 20_000, timeoutNanoseconds: nanoseconds) {
      detachments.allSatisfy(\.isDone) ? true : nil
    } ?? false
  }
}
