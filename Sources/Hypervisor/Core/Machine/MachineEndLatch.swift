import HostSystem
public import SystemPackage
import Synchronization

/// Where a machine's end is noted, by whoever meets it first: a vCPU, a device or a person. Any thread.
public final class MachineEndLatch: Sendable {
  private let state = Mutex<MachineEnd?>(nil)
  private let event: EventDescriptor

  /// A latch without an end.
  public init() throws(Errno) { event = try EventDescriptor() }

  /// Notes the end; only the first one counts.
  public func end(_ end: MachineEnd) {
    let isFirst = state.withLock { state in
      guard state == nil else { return false }
      state = end
      return true
    }
    if isFirst { event.signal() }
  }

  /// The end, or nil as long as there is none.
  public var value: MachineEnd? { state.withLock { $0 } }

  /// Readable from the end on; nobody takes that back.
  public var eventDescriptor: Int32 { event.rawValue }
}
