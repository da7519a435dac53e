import Synchronization
import SystemPackage

/// The failure that ends all changes of a mounted file system.
extension FileSystem {
  /// Ends all changes, because structures could not be written or contradict each other.
  func fail(_ metadata: inout Metadata, _ error: Errno) {
    let problem = device.problem()
    guard !hasFailed.exchange(true, ordering: .relaxed) else { return }
    // If another user changes or uses the device, nothing is written at all.
    if problem == nil {
      // The device may refuse this too; the mark of a clean unmount is absent in any case.
      do throws(Errno) { try metadata.markErroneous() } catch {}
    }
    report(problem ?? "\(metadata.cache.writeError ?? error) in the file system's structures")
  }

  /// Checks whether another user has changed or uses the device; if so, ends all writes.
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
