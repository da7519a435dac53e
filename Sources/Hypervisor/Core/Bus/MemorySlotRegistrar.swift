public import SystemPackage

/// Lets guests reach memory of the host's without a vmexit (KVM_SET_USER_MEMORY_REGION; a recorder in tests).
public protocol MemorySlotRegistrar: AnyObject, Sendable {
  /// Maps `memory` at the guest-physical `address`, a multiple of the page size.
  ///
  /// - Returns: the slot that it takes.
  /// - Throws: EEXIST where there is RAM or another slot.
  func addMemory(_ memory: any HostMemoryArea, at address: UInt64) throws(Errno) -> UInt32
  /// Undoes ``addMemory(_:at:)``.
  func removeMemory(slot: UInt32)
}

/// Memory of this process beside a guest's RAM that can be mapped into the guest, such as memory that guests share or a BAR of a
/// device of the host.
public protocol HostMemoryArea: AnyObject, Sendable {
  /// Its size in bytes, a multiple of the page size.
  var byteCount: UInt64 { get }
  /// Where it is mapped, as long as the object lives.
  var host: HostAddress { get }
}
