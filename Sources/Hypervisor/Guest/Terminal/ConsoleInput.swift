/// What somebody at a console sends to the guest.
enum ConsoleInput: Hashable, Sendable {
  /// A key, or a byte of one.
  case byte(UInt8)
  /// A break: the line is held at zero for longer than a character.
  case `break`
}
