import Glibc
import HostSystem

extension StandardError {
  /// Writes `text` as an error of one line.
  static func writeError(_ text: String) { write(.error, text, from: "lkvm") }

  /// Writes `text` as a warning of one line.
  static func writeWarning(_ text: String) { write(.warning, text, from: "lkvm") }

  /// Whether it is the file, pipe or terminal that standard output goes to.
  static var isWhereOutputGoes: Bool {
    var (output, errors) = (stat(), stat())
    guard unsafe fstat(1, &output) == 0, unsafe fstat(2, &errors) == 0 else { return false }
    return output.st_dev == errors.st_dev && output.st_ino == errors.st_ino
  }
}
