import Glibc
import HostSystem
import Synchronization
import SystemPackage

/// A descriptor that is held for the time when the process has no other left: a guest that uses up all descriptors, by files
/// or connections, must not keep commands from being heard.
final class SpareDescriptor: Sendable {
  private let held = Mutex<OwnedDescriptor?>(nil)

  /// Takes a descriptor unless one is held. Where there is none to be had, the next call tries again.
  func fill() {
    held.withLock { held in
      if held == nil { held = try? OwnedDescriptor.open("/dev/null", flags: O_RDONLY) }
    }
  }

  /// Runs `body`, and once more without the held descriptor if the process has no other.
  func spending<Value: ~Copyable>(_ body: () throws(Errno) -> Value) throws(Errno) -> Value {
    do throws(Errno) { return try body() } catch .tooManyOpenFiles {
      held.withLock { $0 = nil }
      return try body()
    }
  }
}
