/// How input that is no terminal's goes over the console to the guest's init, which hands it to the command through a pipe
/// (GuestInit's `InputPipe` is the other side).
///
/// A console has no end, and Linux's virtio console swallows Ctrl-O. So three bytes are escapes: DLE and a byte stand for that
/// byte with bit 6 inverted, of DLE and Ctrl-O; DLE and D stand for the end of the input.
enum ConsoleInputCode {
  private static let escape: UInt8 = 0x10
  private static let inverted: UInt8 = 0x40
  /// The end of the input.
  static let end: [UInt8] = [escape, UInt8(ascii: "D")]

  /// What stands for `bytes`.
  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    bytes.flatMap { $0 == escape || $0 == VirtioConsole.sysRqEscape ? [escape, $0 ^ inverted] : [$0] }
  }
}
