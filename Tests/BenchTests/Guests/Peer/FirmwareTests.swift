import Hypervisor
import Testing
import VextProtocol

@testable import Bench

struct FirmwareTests {
  @Test("the image is one that QEMU maps, and a processor that starts at its end jumps to its beginning")
  func image() {
    let bytes = PeerFirmware.bytes
    #expect(bytes.count == 64 << 10)
    #expect(bytes[0xFFF0] == 0xE9)
    let distance = UInt16(bytes[0xFFF1]) | UInt16(bytes[0xFFF2]) << 8
    #expect(0xFFF3 as UInt16 &+ distance == 0)
    #expect(bytes[0] == 0xFA)
  }

  @Test("each vCPU finds its entry, its stack as after a call, and a free task in the table that is loaded")
  func handover() throws {
    let memory = try GuestMemory(byteCount: 4 << 20)
    let boot = try LongModeBoot(
      memory: memory, tablesAt: GuestAddress(0x20_0000), vcpuCount: 2, gates: [], spuriousVector: 0xFF)
    let handover = FirmwareHandover(boot: boot, memory: memory)
    try handover.write(vcpuCount: 2)
    try handover.write(
      vcpu: 1,
      entry: .init(
        instruction: GuestAddress(0x10_0040), stackTop: GuestAddress(0x30_0000), argument0: 7, argument1: 1,
        ring0Tag: 99))
    func word(_ address: UInt64) throws -> UInt64 { try memory.load(UInt64.self, at: GuestAddress(address)) }
    #expect(try word(0x1000) == 0x20_0000)
    #expect(try memory.load(UInt16.self, at: GuestAddress(0x1008)) == 0x28 + 2 * 16 - 1)
    #expect(try memory.load(UInt16.self, at: GuestAddress(0x1018)) == 4095)
    #expect(try memory.load(UInt32.self, at: GuestAddress(0x1028)) == 1)
    #expect(try (0..<5).map { try word(0x2080 + $0 * 8) } == [0x10_0040, 0x30_0000 - 8, 7, 1, 0x38])
    let gdt = try word(0x100A)
    #expect(try memory.load(UInt8.self, at: GuestAddress(gdt + 0x38 + 5)) == 0x89)
    #expect(try memory.read(5, at: GuestAddress(0x8000)) == [0xEA, 0, 0, 0, 0xF0])
  }
}
