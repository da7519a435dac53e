/// A character in the receive FIFO, with the line's state.
struct SerialCharacter: Hashable, Sendable {
  /// The character; 0 for a break.
  var byte: UInt8
  /// Whether it is a break that LSR has not reported yet.
  var isBreak = false
}
