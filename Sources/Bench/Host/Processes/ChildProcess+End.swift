import Foundation
import HostSystem
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

extension ChildProcess {
  /// How long a process may take to end once it was asked to.
  private static var graceSeconds: Double { 30 }

  /// Asks it to end, and kills it if it has not done so in time.
  mutating func end() throws(Errno) {
    signal(SIGTERM)
    let start = Date()
    while try isRunning(), -start.timeIntervalSinceNow < Self.graceSeconds {
      Thread.sleep(forTimeInterval: 0.01)
    }
    signal(SIGKILL)
    try wait()
  }
}
