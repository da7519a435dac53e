import CLinux
import Glibc
import SystemPackage

/// The settings of a terminal's line (termios(3)), and the calls on terminals.
package struct TerminalSettings: Sendable {
  private var attributes: termios

  /// Reads the settings of the terminal `descriptor`. Throws ENOTTY for another file.
  package init(of descriptor: Int32) throws(Errno) {
    let terminal = linux_terminal_of(descriptor)
    try check(terminal.result)
    attributes = terminal.attributes
  }

  /// Gives the terminal these settings.
  package func apply(to descriptor: Int32) throws(Errno) {
    try check(linux_apply_attributes(descriptor, attributes))
  }

  /// The settings with which each key arrives as it is typed, and none sends a signal.
  package var forKeys: TerminalSettings {
    var copy = self
    copy.attributes = linux_attributes_for_keys(attributes)
    return copy
  }

  /// The settings with which the line passes all bytes on unchanged (cfmakeraw(3)).
  package var raw: TerminalSettings {
    var copy = self
    copy.attributes = linux_raw_attributes(attributes)
    return copy
  }

  /// Makes the end of the process, by exit(3) or a signal of a crash, give the terminal these settings.
  ///
  /// - Returns: false if the process guards another terminal already.
  package func guardTerminal(_ descriptor: Int32) -> Bool {
    linux_guard_terminal(descriptor, attributes) == 0
  }

  /// Undoes ``guardTerminal(_:)``, which was successful.
  package static func unguardTerminal() { linux_unguard_terminal() }

  /// The size of a terminal's window in characters (TIOCGWINSZ); nil for no terminal, or one without a known size.
  package static func windowSize(of descriptor: Int32) -> (columns: UInt16, rows: UInt16)? {
    let size = linux_window_size(descriptor)
    return size.ws_col > 0 && size.ws_row > 0 ? (size.ws_col, size.ws_row) : nil
  }

  /// The path of the terminal whose other end is the pseudo-terminal `master`.
  package static func path(ofSlaveOf master: Int32) throws(Errno) -> String {
    "/dev/pts/\(try check(linux_pseudo_terminal_number(master)))"
  }
}
