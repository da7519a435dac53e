import Hypervisor
import Testing
import VextProtocol

/// The MP table as a kernel finds it.
@Suite struct BootMPTableTests {
  private struct Found {
    var entries: [[UInt8]] = []
  }

  /// Boots a kernel on `vcpuCount` vCPUs and reads the table by its floating pointer.
  private func find(vcpuCount: Int) throws -> Found {
    let memory = try GuestMemory(byteCount: 64 << 20)
    let file = BootImageFile(BootImageBytes.bzImage().bytes)
    _ = try LinuxBoot(
      KernelImage(path: file.path), initrd: nil, commandLine: "", memory: memory, vcpuCount: vcpuCount)
    let area = try memory.read(0x1_0000, at: GuestAddress(0xF_0000))
    let start = try #require(
      stride(from: 0, to: area.count, by: 16).first { area[$0...].starts(with: Array("_MP_".utf8)) })
    let pointer = Array(area[start..<start + 16])
    #expect(pointer.reduce(0, &+) == 0)
    #expect(pointer[8] == 1 && pointer[9] == 4 && pointer[11] == 0)
    let address = pointer[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let table = Array(area[(address - 0xF_0000)...])
    #expect(table.starts(with: Array("PCMP".utf8)))
    let byteCount = Int(table[4]) | Int(table[5]) << 8
    #expect(table[..<byteCount].reduce(0, &+) == 0)
    #expect(Array(table[36..<40]) == [0, 0, 0xE0, 0xFE])
    #expect(UInt64(address + byteCount) <= BootLayout.acpiTables.rawValue)
    var found = Found()
    var offset = 44
    while offset < byteCount {
      let length = table[offset] == 0 ? 20 : 8
      found.entries.append(Array(table[offset..<offset + length]))
      offset += length
    }
    #expect(offset == byteCount)
    #expect(found.entries.count == Int(table[34]) | Int(table[35]) << 8)
    return found
  }

  @Test(arguments: [1, 2, 64, 254])
  func `every vCPU is there, and the first one is the bootstrap processor`(vcpuCount: Int) throws {
    let processors = try find(vcpuCount: vcpuCount).entries.filter { $0[0] == 0 }
    #expect(processors.map { $0[1] } == (0..<vcpuCount).map { UInt8($0) })
    #expect(processors.map { $0[3] } == [3] + [UInt8](repeating: 1, count: vcpuCount - 1))
  }

  @Test func `buses, I O APIC and interrupts are as KVM wires them`() throws {
    let entries = try find(vcpuCount: 2).entries
    #expect(entries.map { $0[0] } == entries.map { $0[0] }.sorted())
    #expect(
      entries.filter { $0[0] == 1 } == [
        [1, 0] + Array("PCI   ".utf8), [1, 1] + Array("ISA   ".utf8),
      ])
    #expect(entries.filter { $0[0] == 2 } == [[2, 0, 0x11, 1, 0, 0, 0xC0, 0xFE]])
    let isa = entries.filter { $0[0] == 3 && $0[4] == 1 }
    #expect(isa.map { $0[5] } == [0, 1] + Array(3...15))
    #expect(isa.allSatisfy { $0[5] == $0[7] })
    // The system control interrupt alone is level-triggered.
    #expect(isa.filter { $0[2] != 0 }.map { $0[5] } == [9])
    let pci = entries.filter { $0[0] == 3 && $0[4] == 0 }
    #expect(pci.count == 128)
    #expect(pci.allSatisfy { $0[7] == 16 + ($0[5] >> 2) % 8 })
    #expect(entries.filter { $0[0] == 4 } == [[4, 3, 0, 0, 1, 0, 0, 0], [4, 1, 0, 0, 1, 0, 0xFF, 1]])
  }
}
