import CLinux
import HostSystem
import SystemPackage

/// A process that holds the device's memory and lock until the device is idle, however the client ends.
///
/// A process that is killed cannot disable its queues. The kernel frees its pages all the same, gives them to others,
/// and the device would go on writing the answers of requests in flight into them. The guardian shares the memory and
/// so keeps it allocated; when the last process of the client is gone it resets the device, which returns when nothing
/// is in flight, and ends.
struct DeviceGuardian: ~Copyable, Sendable {
  private let control: OwnedDescriptor

  /// Starts the process.
  ///
  /// - Parameters:
  ///   - resetAddress: where the reset register is mapped.
  ///   - lock: the descriptor whose lock the guardian keeps.
  ///   - pin: the descriptor that pins the memory, or -1.
  init(resetAddress: UnsafeMutableRawPointer, lock: Int32, pin: Int32) throws(Errno) {
    // SAFETY: the register stays mapped in both processes, each of which has a mapping of its own.
    control = OwnedDescriptor(
      adopting: try check(unsafe linux_start_guardian(resetAddress, lock, pin)))
  }

  /// Lets the guardian end without a word to the device, which must be idle.
  func dismiss() {
    // A guardian that somebody killed hears nothing, and there is nothing left for it to do.
    _ = linux_dismiss_guardian(control.rawValue)
  }
}
