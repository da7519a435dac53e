import Synchronization
import SystemPackage

/// What ends all changes of a mounted file system.
extension FileSystem {
  /// Structures could not be written, or contradict each other: nothing is changed from now on.
  func fail(_ metadata: inout Metadata, _ error: Errno) {
    let problem = device.problem()
    guard !hasFailed.exchange(true, ordering: .relaxed) else { return }
    // Where somebody else changes or uses the device, nothing is written at all.
    if problem == nil {
      // The device may refuse this too; the mark of a clean unmount is absent in any case.
      do throws(Errno) { try metadata.markErroneous() } catch {}
    }
    report(problem ?? "\(metadata.cache.writeError ?? error) in the file system's structures")
  }

  /// Looks whether somebody else has changed or uses the device; if so, nothing is written from now on.
  func checkDevice() {
    guard !isReadOnly, !hasFailed.load(ordering: .relaxed), let problem = device.problem() else { return }
    metadata.withLock { _ in
      guard !hasFailed.exchange(true, ordering: .relaxed) else { return }
      report(problem)
    }
  }

  private func report(_ problem: String) {
    let text =
      "\(device.name): \(problem); nothing is changed any more; unmount it and run 'e2fsck -f \(device.name)'"
    failureReport.withLock { $0?(text) }
  }

  /// Whether the failure was reported.
  var hasReportedFailure: Bool {
    hasFailed.load(ordering: .relaxed) && failureReport.withLock { $0 != nil }
  }
}
