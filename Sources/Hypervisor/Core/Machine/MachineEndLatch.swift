import HostSystem
public import SystemPackage
import Synchronization

/// Records how a machine ends. The first vCPU, device or command to report an end decides. Any thread.
public final class MachineEndLatch: Sendable {
  private let state = Mutex<MachineEnd?>(nil)
  private let event: EventDescriptor

  /// A latch without an end.
  public init() throws(Errno) { event = try EventDescriptor() }

  /// Records the end; only the first call counts.
  public func end(_ end: MachineEnd) {
    let isFirst = state.withLock { state in
      guard state == nil else { return false }
      state = end
      return true
    }
    if isFirst { event.signal() }
  }

  /// The end; nil while there is none.
  public var value: MachineEnd? { state.withLock { $0 } }

  /// An eventfd that stays readable from the end on.
  public var eventDescriptor: Int32 { event.rawValue }
}
