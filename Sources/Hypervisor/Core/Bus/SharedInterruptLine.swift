import Synchronization

/// An interrupt line that several devices drive: it is active while one of them drives it.
public final class SharedInterruptLine: Sendable {
  /// One device's end of the line.
  private final class Input: InterruptLine {
    private let shared: SharedInterruptLine
    private let index: Int

    init(_ shared: SharedInterruptLine, index: Int) {
      self.shared = shared
      self.index = index
    }

    func set(active: Bool) { shared.set(index, active: active) }
  }

  private let line: any InterruptLine
  /// What each input says. The lock is held while the line is driven, so that its levels come in order.
  private let levels = Mutex<[Bool]>([])

  /// Drives `line`, which nobody else drives.
  public init(_ line: any InterruptLine) { self.line = line }

  /// Another input, not active.
  public func makeInput() -> any InterruptLine {
    let index = levels.withLock { levels in
      levels.append(false)
      return levels.count - 1
    }
    return Input(self, index: index)
  }

  private func set(_ index: Int, active: Bool) {
    levels.withLock { levels in
      let old = levels.contains(true)
      levels[index] = active
      let new = levels.contains(true)
      if new != old { line.set(active: new) }
    }
  }
}
