import HostSystem
public import SystemPackage
import Synchronization

/// Records how a machine ends. The first vCPU, device or command to report an end decides. Any thread.
public final class MachineEndLatch: Sendable {
  private struct State {
    var end: MachineEnd?
    var hasPanicked = false
  }

  private let state = Mutex(State())
  private let event: EventDescriptor

  /// A latch without an end.
  public init() throws(Errno) { event = try EventDescriptor() }

  /// Records the end; only the first call counts. After ``notePanic()`` a guest that ends itself has panicked.
  public func end(_ end: MachineEnd) {
    let isFirst = state.withLock { state in
      guard state.end == nil else { return false }
      state.end =
        switch end {
        case .poweredOff, .reset, .panicked, .tripleFault: state.hasPanicked ? .panicked : end
        case .crashed, .stopped: end
        }
      return true
    }
    if isFirst { event.signal() }
  }

  /// Records that the guest's kernel panicked; it may still print before the machine ends.
  public func notePanic() { state.withLock { $0.hasPanicked = true } }

  /// The end; nil while there is none.
  public var value: MachineEnd? { state.withLock { $0.end } }

  /// An eventfd that stays readable from the end on.
  public var eventDescriptor: Int32 { event.rawValue }
}

/// The ways in which a machine can end.
public enum MachineEnd: Equatable, Sendable {
  /// The guest powered itself off.
  case poweredOff
  /// The guest reset itself.
  case reset
  /// The guest's kernel reported a panic.
  case panicked
  /// A triple fault: the processor could not deliver an exception.
  case tripleFault
  /// KVM or the processor could not run the guest any further; the text says why, with the vCPU's state, in several
  /// lines.
  case crashed(String)
  /// A user or the machine's owner asked for the end.
  case stopped
}
