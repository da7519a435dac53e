/// The size of a terminal's window, in characters.
public struct ConsoleSize: Hashable, Sendable {
  /// Characters in a line.
  public var columns: UInt16
  /// Lines.
  public var rows: UInt16

  /// A window of `columns` times `rows` characters.
  public init(columns: UInt16, rows: UInt16) {
    self.columns = columns
    self.rows = rows
  }
}
