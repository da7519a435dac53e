import CLinux
import Glibc
import SystemPackage

/// The settings of a terminal's line (termios(3)), with the calls on terminals that need memory of the caller's.
// SAFETY: each call gets the address of a local variable or array, with its length, which lives until the call returns.
package struct TerminalSettings: Sendable {
  private var attributes: termios

  /// Reads the settings of the terminal `descriptor`. ENOTTY if it is none.
  package init(of descriptor: Int32) throws(Errno) {
    attributes = termios()
    try check(unsafe linux_terminal_attributes(descriptor, &attributes))
  }

  /// Gives the terminal these settings.
  package func apply(to descriptor: Int32) throws(Errno) {
    var attributes = attributes
    try check(unsafe linux_set_terminal_attributes(descriptor, &attributes))
  }

  /// The settings with which each key arrives as it is typed, and none sends a signal.
  package var forKeys: TerminalSettings {
    var copy = self
    unsafe linux_make_raw(&copy.attributes)
    return copy
  }

  /// The settings with which the line passes all bytes on unchanged (cfmakeraw(3)).
  package var raw: TerminalSettings {
    var copy = self
    unsafe cfmakeraw(&copy.attributes)
    return copy
  }

  /// Makes the end of the process, by exit(3) or a signal of a crash, give the terminal these settings.
  ///
  /// - Returns: false if the process guards another terminal already.
  package func guardTerminal(_ descriptor: Int32) -> Bool {
    var attributes = attributes
    return unsafe linux_guard_terminal(descriptor, &attributes) == 0
  }

  /// Undoes ``guardTerminal(_:)``, which was successful.
  package static func unguardTerminal() { linux_unguard_terminal() }

  /// The size of a terminal's window in characters (TIOCGWINSZ); nil for no terminal, or one without a known size.
  package static func windowSize(of descriptor: Int32) -> (columns: UInt16, rows: UInt16)? {
    var (columns, rows): (UInt16, UInt16) = (0, 0)
    guard unsafe linux_window_size(descriptor, &columns, &rows) == 0, columns > 0, rows > 0 else {
      return nil
    }
    return (columns, rows)
  }

  /// The path of the terminal whose other end is the pseudo-terminal `master`.
  package static func path(ofSlaveOf master: Int32) throws(Errno) -> String {
    var name = [CChar](repeating: 0, count: 64)
    try check(unsafe linux_pseudo_terminal_path(master, &name, name.count))
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
