import Synchronization

/// A function's INTA pin (PCI Local Bus 3.0 §2.2.6): what the function wants, what the guest lets through, and the
/// line that it is wired to when the function is plugged in. Any thread.
public final class PCIInterruptPin: Sendable {
  private struct State {
    var isWanted = false
    var isLineDisabled = false
    var usesMessages = false
    var isDriven = false
    var line: (any InterruptLine)?
  }

  private let state = Mutex(State())

  /// A pin that is wired to nothing yet.
  public init() {}

  /// Asserts the pin, or takes it back.
  public func set(active: Bool) {
    state.withLock { state in
      state.isWanted = active
      Self.drive(&state)
    }
  }

  /// Whether the function wants an interrupt, for the interrupt status bit: what the command register says does not matter.
  var isPending: Bool { state.withLock { $0.isWanted && !$0.usesMessages } }

  /// Takes over what configuration space says: the command register's interrupt disable, and whether MSI-X is enabled,
  /// which leaves no interrupt to the pin (§6.8.2).
  func setMask(isLineDisabled: Bool, usesMessages: Bool) {
    state.withLock { state in
      state.isLineDisabled = isLineDisabled
      state.usesMessages = usesMessages
      Self.drive(&state)
    }
  }

  func connect(to line: any InterruptLine) {
    state.withLock { state in
      state.line = line
      Self.drive(&state)
    }
  }

  private static func drive(_ state: inout State) {
    let level = state.isWanted && !state.isLineDisabled && !state.usesMessages
    guard let line = state.line, level != state.isDriven else { return }
    state.isDriven = level
    line.set(active: level)
  }
}
