import CKVM
import HostSystem
import SystemPackage

extension KVMVirtualMachine: PageChangeLog {
  /// Takes the lowest free slot behind those of RAM, with the log of changed pages.
  func addLoggedMemory(_ memory: HostBuffer, at address: UInt64) throws(Errno) -> UInt32 {
    try addSlot(
      for: memory, byteCount: UInt64(memory.byteCount),
      host: HostAddress(UInt64(memory.vector(memory.all).address)), at: address,
      flags: UInt32(KVM_MEM_LOG_DIRTY_PAGES))
  }

  /// Reads the log, which protects the pages against writing again (KVM_GET_DIRTY_LOG, KVM API §4.8).
  func takeChangedPages(ofSlot slot: UInt32, pageCount: Int) throws(Errno) -> [UInt64] {
    var pages = [UInt64](repeating: 0, count: (max(0, pageCount) + 63) / 64)
    try check(KVMCall.takeDirtyLog(descriptor.rawValue, slot: slot, pages: &pages))
    return pages
  }
}
