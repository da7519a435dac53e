import Hypervisor
import VextProtocol

/// What ``PeerFirmware`` loads, written into a peer's guest memory before it runs.
///
/// ```
/// 1000h  CR3 | 1008h  GDTR | 1018h  IDTR | 1028h  how many processors to start beside the first
/// 2000h  a block of 128 bytes for each vCPU, by x2APIC id: RIP, RSP, RDI, RSI, task selector; its end is the stack
/// 8000h  where the others start, in real mode: a jump to the firmware
/// ```
struct FirmwareHandover {
  private enum Place {
    static let tables: UInt64 = 0x1000
    static let gdt: UInt64 = 0x1008
    static let idt: UInt64 = 0x1018
    static let otherCount: UInt64 = 0x1028
    static let blocks: UInt64 = 0x2000
    static let blockByteCount: UInt64 = 128
    static let start: UInt64 = 0x8000
  }

  /// The descriptor and page tables.
  let boot: LongModeBoot
  /// The guest's memory.
  let memory: GuestMemory

  /// Writes what does not belong to one vCPU.
  func write(vcpuCount: Int) throws {
    try memory.store(boot.tablesStart.rawValue, at: GuestAddress(Place.tables))
    try writeTable(at: Place.gdt, boot.gdtAddress, byteCount: boot.gdtByteCount)
    try writeTable(at: Place.idt, boot.idtAddress, byteCount: LongModeBoot.idtByteCount)
    try memory.store(UInt32(vcpuCount - 1), at: GuestAddress(Place.otherCount))
    try memory.write([0xEA, 0x00, 0x00, 0x00, 0xF0], at: GuestAddress(Place.start))  // ljmp $0xF000, $0
  }

  /// Writes where vCPU `index` starts.
  func write(vcpu index: Int, entry: LongModeBoot.Entry) throws {
    try boot.prepareForFirmware(vcpu: index, ring0Tag: entry.ring0Tag, memory: memory)
    let words = [
      // As after a call.
      entry.instruction.rawValue, entry.stackTop.rawValue - 8, entry.argument0, entry.argument1,
      UInt64(boot.taskSelector(of: index)),
    ]
    for (word, value) in words.enumerated() {
      let block = Place.blocks + UInt64(index) * Place.blockByteCount
      try memory.store(value, at: GuestAddress(block + UInt64(word) * 8))
    }
  }

  private func writeTable(at place: UInt64, _ address: GuestAddress, byteCount: Int) throws {
    try memory.store(UInt16(byteCount - 1), at: GuestAddress(place))
    try memory.store(address.rawValue, at: GuestAddress(place + 2))
  }
}
