import CLinux
import HostSystem
import SystemPackage

/// A process that holds the device's memory and lock until the device is idle, even if the client is killed.
///
/// A killed process cannot disable its queues. The kernel would free its pages and give them to other processes, while the
/// device still writes the data of requests in flight into them. The guardian shares the memory and so keeps it allocated.
/// When the last process of the client is gone, the guardian resets the device, which returns when nothing is in flight,
/// and ends.
struct DeviceGuardian: ~Copyable, Sendable {
  private let control: OwnedDescriptor

  /// Starts the process.
  ///
  /// - Parameters:
  ///   - registers: the device's, of which the guardian writes the one that resets it.
  ///   - lock: the descriptor whose lock the guardian keeps.
  ///   - pin: the descriptor that pins the memory, or -1.
  init(registers: SharedRegisters, lock: Int32, pin: Int32) throws(Errno) {
    control = OwnedDescriptor(adopting: try registers.startGuardian(lock: lock, pin: pin))
  }

  /// Lets the guardian end without resetting the device, which must be idle.
  func dismiss() {
    // Fails if the guardian was killed, in which case it needs no dismissal.
    _ = linux_dismiss_guardian(control.rawValue)
  }
}
