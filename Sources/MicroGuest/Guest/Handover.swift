import CGuest

/// What worker 0 found out about the device, for the others: words in memory that all workers share.
enum Handover {
  private enum Word {
    static let phase = 0
    static let failureReason = 1
    static let failureDetail = 2
    static let device = 3
    static let largestQueueSize = 4
    static let canFlush = 5
    static let queues = 64
  }

  private enum Phase {
    static let ready: UInt64 = 1
    static let failed: UInt64 = 2
  }

  // SAFETY: Entry.S reserves GUEST_SHARED_WORD_COUNT words, more than the queues' last.
  private static var words: VextSharedWords { unsafe VextSharedWords(base: guest_shared_base()) }

  /// The address of the device's registers.
  static var device: UInt64 {
    get { unsafe words.load(Word.device) }
    set { unsafe words.store(Word.device, newValue) }
  }

  /// Descriptors that the device's virtqueues may have.
  static var largestQueueSize: UInt16 {
    get { unsafe UInt16(truncatingIfNeeded: words.load(Word.largestQueueSize)) }
    set { unsafe words.store(Word.largestQueueSize, UInt64(newValue)) }
  }

  /// Whether the virtio device takes flushes; without them every write is durable when it is answered.
  static var canFlush: Bool {
    get { unsafe words.load(Word.canFlush) != 0 }
    set { unsafe words.store(Word.canFlush, newValue ? 1 : 0) }
  }

  /// Where worker `worker` notifies its virtqueue.
  static func notifyAddress(of worker: Int) -> UInt64 { unsafe words.load(Word.queues + worker) }

  /// Notes where worker `worker` notifies its virtqueue.
  static func setNotifyAddress(of worker: Int, _ address: UInt64) {
    unsafe words.store(Word.queues + worker, address)
  }

  /// Worker 0: the device is ready for everybody.
  static func announce() { unsafe words.storeReleasing(Word.phase, Phase.ready) }

  /// Worker 0: there is no device for anybody.
  static func announce(_ failure: GuestFailure) {
    unsafe words.store(Word.failureReason, failure.reason.rawValue)
    unsafe words.store(Word.failureDetail, failure.detail)
    unsafe words.storeReleasing(Word.phase, Phase.failed)
  }

  /// The other workers: waits for worker 0.
  static func wait() throws(GuestFailure) {
    while true {
      switch unsafe words.loadAcquiring(Word.phase) {
      case Phase.ready: return
      case Phase.failed:
        let reason = unsafe WorkerFailure(rawValue: words.load(Word.failureReason))
        throw unsafe GuestFailure(reason: reason ?? .deviceMissing, detail: words.load(Word.failureDetail))
      default: guest_pause()
      }
    }
  }
}
