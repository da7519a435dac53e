import Logging
import Synchronization

/// A port for text of firmware and kernels, byte by byte: E0h, and 402h as in Bochs. Any vCPU thread.
///
/// The number of lines in the log is limited, because a guest must not fill the host's disk.
public final class DebugConsole: BusDevice {
  /// The value that a read returns, by which firmware detects the console.
  private static let presence: UInt64 = 0xE9
  private static let lineByteLimit = 256
  private static let lineLimit = 4096

  private struct State {
    var line: [UInt8] = []
    var linesLeft = DebugConsole.lineLimit
  }

  private let state = Mutex(State())
  private let show: @Sendable (String) -> Void

  /// Makes a console that passes its lines to `show`.
  public init(show: @escaping @Sendable (String) -> Void = DebugConsole.log) { self.show = show }

  /// Shows a line in the log.
  public static func log(_ line: String) { Logger(label: "guest").info("\(line)") }

  /// Returns the presence value.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 { byteCount == 1 ? Self.presence : .max }

  /// Takes a byte of a line; a line feed ends the line. An unprintable byte shows as a dot.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    guard byteCount == 1 else { return }
    let byte = UInt8(truncatingIfNeeded: value)
    let finished: String? = state.withLock { state in
      let isEnd = byte == UInt8(ascii: "\n")
      if !isEnd && byte != UInt8(ascii: "\r") { state.line.append(byte) }
      guard isEnd || state.line.count >= Self.lineByteLimit else { return nil }
      defer { state.line = [] }
      guard state.linesLeft > 0 else { return nil }
      state.linesLeft -= 1
      return String(decoding: state.line.map(Self.printable), as: UTF8.self)
    }
    if let finished { show(finished) }
  }

  private static func printable(_ byte: UInt8) -> UInt8 {
    (0x20...0x7E).contains(byte) || byte == 0x09 ? byte : UInt8(ascii: ".")
  }
}
