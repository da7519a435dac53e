/// The size of a terminal's window, in characters.
public struct ConsoleSize: Hashable, Sendable {
  /// Number of characters in a line.
  public var columns: UInt16
  /// Number of lines.
  public var rows: UInt16

  /// Makes the size of a window.
  public init(columns: UInt16, rows: UInt16) {
    self.columns = columns
    self.rows = rows
  }
}
