import Hypervisor
import Synchronization

/// Stands for the interrupt controller: remembers the level of each line, and how often it changed.
package final class InterruptLineRecorder: Sendable {
  private struct Level {
    var isActive = false
    var changeCount = 0
  }

  private final class Line: InterruptLine {
    private let recorder: InterruptLineRecorder
    private let gsi: UInt32

    init(recorder: InterruptLineRecorder, gsi: UInt32) {
      self.recorder = recorder
      self.gsi = gsi
    }

    func set(active: Bool) {
      recorder.levels.withLock { levels in
        var level = levels[gsi, default: Level()]
        if level.isActive != active { level.changeCount += 1 }
        level.isActive = active
        levels[gsi] = level
      }
    }
  }

  private let levels = Mutex<[UInt32: Level]>([:])

  package init() {}

  /// The line of `gsi`.
  package func line(_ gsi: UInt32) -> any InterruptLine { Line(recorder: self, gsi: gsi) }

  /// The lines that are asserted.
  package var active: [UInt32] { levels.withLock { $0.filter(\.value.isActive).keys.sorted() } }

  /// How often the line of `gsi` changed its level.
  package func changeCount(_ gsi: UInt32) -> Int { levels.withLock { $0[gsi]?.changeCount ?? 0 } }
}
