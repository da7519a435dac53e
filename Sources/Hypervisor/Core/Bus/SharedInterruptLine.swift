import Synchronization

/// An interrupt line that several devices drive: it is active while at least one of them drives it.
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
  /// The level of each input. The lock is held while the line is driven, so that levels arrive in order.
  private let levels = Mutex<[Bool]>([])

  /// Shares `line`, which no other object may drive.
  public init(_ line: any InterruptLine) { self.line = line }

  /// Returns a new input, which is inactive.
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

/// A level-triggered interrupt line: active or not. Any thread.
public protocol InterruptLine: AnyObject, Sendable {
  /// Drives the line; repeating a level changes nothing.
  func set(active: Bool)
}
