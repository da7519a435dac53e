import CLinux
import Glibc
import HostSystem
import Hypervisor
import SystemPackage
import VextProtocol

@testable import VextClient

/// The registers of a device model of the host's; some can be made to say something else. Owns the host's side: the
/// client's device and queues keep it alive.
@safe
final class FakeRegisters: VextRegisterAccess, @unchecked Sendable {
  private let model: VextDevice
  private let thread: IOThread?
  private let overrides: [UInt64: UInt32]
  /// Memory of the guest as the client sees it, where that differs from how the host does.
  private var alias: UnsafeMutableRawBufferPointer?

  init(_ model: VextDevice, thread: IOThread?, overrides: [UInt64: UInt32]) {
    self.model = model
    self.thread = thread
    self.overrides = overrides
  }

  deinit {
    model.shutDown()
    thread?.stop()
    if let alias = unsafe alias { unsafe munmap(alias.baseAddress, alias.count) }
  }

  func load32(_ offset: UInt64) -> UInt32 {
    overrides[offset] ?? UInt32(truncatingIfNeeded: model.readBAR(0, offset: offset, byteCount: 4))
  }
  func load64(_ offset: UInt64) -> UInt64 { model.readBAR(0, offset: offset, byteCount: 8) }
  func store32(_ offset: UInt64, _ value: UInt32) {
    model.writeBAR(0, offset: offset, byteCount: 4, value: UInt64(value))
  }
  func store64(_ offset: UInt64, _ value: UInt64) {
    model.writeBAR(0, offset: offset, byteCount: 8, value: value)
  }

  /// Gives the client the pages at `base` in reverse order, so that none follows its neighbour.
  func reverse(_ base: UnsafeMutableRawPointer, byteCount: Int) throws -> UnsafeMutableRawPointer {
    let file = OwnedDescriptor(
      adopting: try check(unsafe "test".withCString { unsafe linux_memory_file($0, byteCount, 0) }))
    let access = PROT_READ | PROT_WRITE
    // SAFETY: both runs belong to this object's owner, and nobody has used them yet.
    guard unsafe mmap(base, byteCount, access, MAP_SHARED | MAP_FIXED, file.rawValue, 0) != MAP_FAILED,
      let alias = unsafe mmap(nil, byteCount, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      unsafe alias != MAP_FAILED
    else { throw Errno.noMemory }
    unsafe self.alias = UnsafeMutableRawBufferPointer(start: alias, count: byteCount)
    for place in stride(from: 0, to: byteCount, by: 4096) {
      let page = unsafe mmap(
        alias + place, 4096, access, MAP_SHARED | MAP_FIXED, file.rawValue, byteCount - 4096 - place)
      guard unsafe page != MAP_FAILED else { throw Errno.noMemory }
    }
    return unsafe alias
  }
}
