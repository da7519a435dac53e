import HostSystem
import Hypervisor
import Synchronization
import VextProtocol

/// A thread that rewrites a segment list of 64 entries again and again, as a second vCPU might.
final class VextListRewriter: Sendable {
  private let isStopping: Flag
  private let thread: HostThread

  private final class Flag: Sendable {
    let value = Atomic<Bool>(false)
  }

  /// Starts the thread.
  ///
  /// - Parameter words: the two words of the entry that is written `number`-th.
  init(
    memory: GuestMemory, list: UInt64, _ words: @escaping @Sendable (_ number: UInt64) -> (UInt64, UInt64)
  ) throws {
    let flag = Flag()
    isStopping = flag
    thread = try HostThread(name: "rewriter", cpus: nil) {
      guard let shared = try? unsafe memory.sharedWords(at: GuestAddress(list), wordCount: 128) else {
        return
      }
      var number: UInt64 = 0
      while !flag.value.load(ordering: .relaxed) {
        let (address, tail) = words(number)
        let index = Int(number % 64) * 2
        unsafe shared.storeReleasing(index, address)
        unsafe shared.storeReleasing(index + 1, tail)
        number &+= 1
      }
    }
  }

  /// Ends the thread and waits for it.
  func stop() {
    isStopping.value.store(true, ordering: .relaxed)
    thread.join()
  }
}
