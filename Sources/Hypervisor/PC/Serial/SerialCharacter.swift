/// A character in the receive FIFO, with what the line did meanwhile.
struct SerialCharacter: Hashable, Sendable {
  /// The character; 0 for a break.
  var byte: UInt8
  /// Whether it is a break that LSR has not told of yet.
  var isBreak = false
}
