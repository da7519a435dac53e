import Hypervisor

/// The engines that this host has.
enum TestedEngines {
  /// Those that move bytes.
  static let movers: [BlockEngineKind] = all.filter { $0 != .null }
  /// Those that the kernel works for beside the thread.
  static let asynchronous: [BlockEngineKind] = [.libaio] + (all.contains(.ioUring) ? [.ioUring] : [])
  /// Every one that serves a file as it is; a host that forbids io_uring does without (IOUringTests says so).
  static let all: [BlockEngineKind] = BlockEngineKind.allCases.filter { engine in
    if engine == .memory { return false }
    do {
      try engine.checkAvailability()
      return true
    } catch {
      return false
    }
  }
}
