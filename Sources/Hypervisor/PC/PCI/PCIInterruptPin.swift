import Synchronization

/// A function's INTA pin (PCI Local Bus 3.0 §2.2.6). Any thread.
///
/// It combines the function's request with the guest's mask, and drives the line to which the pin is wired.
public final class PCIInterruptPin: Sendable {
  private struct State {
    var isWanted = false
    var isLineDisabled = false
    var usesMessages = false
    var isDriven = false
    var line: (any InterruptLine)?
  }

  private let state = Mutex(State())

  /// Makes a pin without a line.
  public init() {}

  /// Asserts or deasserts the pin.
  public func set(active: Bool) {
    state.withLock { state in
      state.isWanted = active
      Self.drive(&state)
    }
  }

  /// Whether the function requests an interrupt, for the interrupt status bit; the command register does not matter.
  var isPending: Bool { state.withLock { $0.isWanted && !$0.usesMessages } }

  /// Sets the guest's masks: the command register's interrupt disable, and whether MSI-X is enabled, which turns the pin
  /// off (§6.8.2).
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
