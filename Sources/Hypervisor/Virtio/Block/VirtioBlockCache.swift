import Synchronization

/// Whether a block device may answer a write before its data are on stable storage (virtio 1.2 §5.2.5, §5.2.6.2).
///
/// vCPU threads set it, I/O threads read it for each write.
final class VirtioBlockCache: Sendable {
  private let writeBack = Atomic<Bool>(true)

  /// Write-back; otherwise each write is durable when it is answered.
  var isWriteBack: Bool {
    get { writeBack.load(ordering: .relaxed) }
    set { writeBack.store(newValue, ordering: .relaxed) }
  }
}
