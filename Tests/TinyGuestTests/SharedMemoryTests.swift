import Foundation
import Hypervisor
import Testing

extension TinyGuests {
  /// Memory of the host's in a BAR.
  @Suite struct SharedMemoryTests {
    @Test func `what two guests write to shared memory is in its object, and costs no exit`() throws {
      let name = "vext-tiny-\(getpid())"
      let path = "/dev/shm/\(name)"
      defer { try? FileManager.default.removeItem(atPath: path) }
      let area = try SharedMemoryArea(name: name, byteCount: 64 << 10, creates: true)
      for (index, address) in [0xC800_0000, 0xD100_0000].enumerated() as EnumeratedSequence<[UInt64]> {
        let guest = try TinyGuest(GuestCode.accessMemory, argument: address + UInt64(index) * 0x1000)
        let slot = try guest.machine.pci.add(
          SharedMemoryDevice(area), addresses: [SharedMemoryDevice.memoryBAR: address])
        // The guest's firmware would enable the function.
        guest.machine.pci.write(offset: 0, byteCount: 4, value: 1 << 31 | UInt64(slot) << 11 | 4)
        guest.machine.pci.write(offset: 4, byteCount: 2, value: 2)
        #expect(try guest.runUntilDone())
        #expect(try guest.results(4) == [0x11, 0x2211, 0x4433_2211, 0x8877_6655_4433_2211])
        #expect(guest.userExitCount == 1)
      }
      let contents = try Data(contentsOf: URL(fileURLWithPath: path))
      let written: [UInt8] = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]
      #expect(Array(contents[0..<8]) == written)
      #expect(Array(contents[0x1000..<0x1008]) == written)
      #expect(contents[8..<0x1000].allSatisfy { $0 == 0 })
    }
  }
}
