import HostSystem
import Hypervisor
import Synchronization
import VextProtocol

/// A thread that changes guest memory all the time, as another CPU of the guest may.
final class MemoryScribbler: Sendable {
  private final class Flag: Sendable {
    let isSet = Atomic<Bool>(false)
  }

  private let thread: HostThread
  private let end: Flag

  /// Writes 16-bit words from `seed` to random places of the pages `pages`, which lie in `memory`.
  init(memory: GuestMemory, pages: Range<UInt64>, seed: UInt64) throws {
    let end = Flag()
    self.end = end
    thread = try HostThread(name: "scribbler", cpus: nil) {
      var random = SplitMix64(seed: seed)
      let byteCount = (pages.upperBound - pages.lowerBound) * GuestMemory.pageByteCount
      while !end.isSet.load(ordering: .relaxed) {
        let place = pages.lowerBound * GuestMemory.pageByteCount + random.next() % byteCount & ~1
        let value = random.next()
        // Small numbers are the ones that pass checks.
        let word = UInt16(truncatingIfNeeded: value & 1 == 0 ? value >> 1 & 15 : value >> 1)
        // The pages lie in memory, so that this cannot fail.
        try? memory.store(word, at: GuestAddress(place))
      }
    }
  }

  /// Ends the thread; nothing changes any more.
  func stop() {
    end.isSet.store(true, ordering: .relaxed)
    thread.join()
  }
}
