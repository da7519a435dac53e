import Synchronization
import SystemPackage

@testable import Hypervisor

/// A frame buffer's memory without KVM: the test writes where a guest would.
final class FakeChangeLog: PageChangeLog {
  private let state = Mutex<(memory: HostBuffer?, pages: Set<Int>)>((nil, []))

  func addLoggedMemory(_ memory: HostBuffer, at address: UInt64) throws(Errno) -> UInt32 {
    state.withLock { $0.memory = memory }
    return 2
  }

  func takeChangedPages(ofSlot slot: UInt32, pageCount: Int) throws(Errno) -> [UInt64] {
    state.withLock { state in
      var words = [UInt64](repeating: 0, count: (pageCount + 63) / 64)
      for page in state.pages { words[page / 64] |= 1 << UInt64(page % 64) }
      state.pages = []
      return words
    }
  }

  /// Whether there are changes that nobody has taken.
  var hasChanges: Bool { state.withLock { !$0.pages.isEmpty } }

  /// Writes bytes as the guest does.
  func write(_ bytes: [UInt8], at offset: Int) {
    state.withLock { state in
      state.memory?.store(bytes, at: offset)
      state.pages.formUnion(offset / 4096...(offset + bytes.count - 1) / 4096)
    }
  }
}
