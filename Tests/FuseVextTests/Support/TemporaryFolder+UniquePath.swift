import Glibc
import Synchronization
// Visible in all files of these tests.
@_exported import TestFolders

extension TemporaryFolder {
  private static let counter = Atomic<Int>(0)

  /// A path that no other test uses. The caller removes what it makes there.
  static func uniquePath(_ name: String, in folder: String = "/tmp") -> String {
    "\(folder)/fuse-vext-test-\(getpid())-\(counter.add(1, ordering: .relaxed).newValue)-\(name)"
  }
}
