import Synchronization

/// An interrupt line that the pins of several functions drive: asserted while one of them is. Any thread.
final class SharedInterruptLine: Sendable {
  private let line: any InterruptLine
  /// A bit for each slot that asserts it.
  private let asserting = Mutex<UInt32>(0)

  init(_ line: any InterruptLine) { self.line = line }

  /// Drives the pin of the function in `slot`, less than 32.
  func set(slot: Int, active: Bool) {
    // The line is driven under the lock, so that the last level set is the one that stays.
    asserting.withLock { asserting in
      let before = asserting
      if active { asserting |= 1 << UInt32(slot) } else { asserting &= ~(1 << UInt32(slot)) }
      if (before == 0) != (asserting == 0) { line.set(active: asserting != 0) }
    }
  }
}
