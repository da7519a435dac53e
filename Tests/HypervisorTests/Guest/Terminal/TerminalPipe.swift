import Glibc
import HostSystem

/// A pipe, for a test to stand at the other end of it.
final class TerminalPipe {
  let readEnd: OwnedDescriptor
  let writeEnd: OwnedDescriptor

  init() {
    var ends: [Int32] = [-1, -1]
    // SAFETY: pipe writes two numbers.
    _ = unsafe pipe(&ends)
    readEnd = OwnedDescriptor(adopting: ends[0])
    writeEnd = OwnedDescriptor(adopting: ends[1])
  }
}
