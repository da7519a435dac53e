public import SystemPackage

/// Lets guests reach memory of the host's without a vmexit (KVM_SET_USER_MEMORY_REGION; a recorder in tests).
public protocol MemorySlotRegistrar: AnyObject, Sendable {
  /// Maps `memory` at the guest-physical `address`, a multiple of the page size.
  ///
  /// - Returns: the slot that it takes.
  /// - Throws: EEXIST where there is RAM or another slot.
  func addMemory(_ memory: SharedMemoryArea, at address: UInt64) throws(Errno) -> UInt32
  /// Undoes ``addMemory(_:at:)``.
  func removeMemory(slot: UInt32)
}
