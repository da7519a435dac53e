import Glibc
import Synchronization

/// A folder of a test, removed at its end.
final class TemporaryFolder {
  private static let counter = Atomic<Int>(0)
  let path: String

  init() {
    path = Self.uniquePath("folder")
    unsafe mkdir(path, 0o755)
  }

  deinit { Command.run("rm -rf '\(path)'") }

  static func uniquePath(_ name: String, in folder: String = "/tmp") -> String {
    "\(folder)/fuse-vext-test-\(getpid())-\(counter.add(1, ordering: .relaxed).newValue)-\(name)"
  }
}
