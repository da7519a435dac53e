import Hypervisor
import Synchronization
import Testing

@Suite struct AddressBusTests {
  /// Remembers the last write and answers reads with all ones minus its offset.
  private final class Device: BusDevice {
    struct Write: Equatable {
      let offset: UInt64
      let byteCount: Int
      let value: UInt64
    }

    private let last = Mutex<Write?>(nil)
    var lastWrite: Write? { last.withLock { $0 } }

    func read(offset: UInt64, byteCount: Int) -> UInt64 { .max - offset }
    func write(offset: UInt64, byteCount: Int, value: UInt64) {
      last.withLock { $0 = Write(offset: offset, byteCount: byteCount, value: value) }
    }
  }

  @Test func `accesses reach the device of their range, with the offset into it`() {
    let bus = AddressBus()
    let low = Device()
    let high = Device()
    #expect(bus.insert(high, start: 0x2000, byteCount: 0x100))
    #expect(bus.insert(low, start: 0x1000, byteCount: 0x100))
    bus.write(0x1010, byteCount: 4, value: 5)
    bus.write(0x20F8, byteCount: 8, value: 6)
    #expect(low.lastWrite == .init(offset: 0x10, byteCount: 4, value: 5))
    #expect(high.lastWrite == .init(offset: 0xF8, byteCount: 8, value: 6))
    #expect(bus.read(0x1001, byteCount: 8) == UInt64.max - 1)
    #expect(bus.read(0x1001, byteCount: 1) == 0xFE)
  }

  @Test func `an address without a device reads as all ones and ignores writes`() {
    let bus = AddressBus()
    let device = Device()
    #expect(bus.insert(device, start: 0x1000, byteCount: 0x100))
    for (address, byteCount, value) in [
      (0xFFF, 1, 0xFF), (0xFFF, 2, 0xFFFF), (0x1100, 4, 0xFFFF_FFFF), (0x10FF, 2, 0xFFFF), (0x10FC, 8, .max),
      (.max, 1, 0xFF),
    ] as [(UInt64, Int, UInt64)] {
      bus.write(address, byteCount: byteCount, value: 1)
      #expect(bus.read(address, byteCount: byteCount) == value)
    }
    #expect(device.lastWrite == nil)
    #expect(AddressBus.floating(0) == 0)
    #expect(AddressBus.floating(-1) == 0)
  }

  @Test func `ranges that are empty, wrap or overlap are refused`() {
    let bus = AddressBus()
    let device = Device()
    #expect(bus.insert(device, start: 0x1000, byteCount: 0x1000))
    for (start, byteCount) in [
      (0x5000, 0), (.max, 2), (0x1000, 0x1000), (0xFFF, 2), (0x1FFF, 1), (0x1800, 0x10), (0, 0x10000),
      (0, .max),
    ] as [(UInt64, UInt64)] {
      #expect(!bus.insert(Device(), start: start, byteCount: byteCount), "\(start), \(byteCount)")
    }
    #expect(bus.insert(Device(), start: 0x2000, byteCount: 1))
    #expect(bus.insert(Device(), start: 0xFFF, byteCount: 1))
    #expect(bus.insert(Device(), start: .max - 1, byteCount: 1))
  }

  @Test func `only its owner releases a range`() {
    let bus = AddressBus()
    let device = Device()
    #expect(bus.insert(device, start: 0x1000, byteCount: 0x10))
    bus.remove(Device(), start: 0x1000)
    bus.remove(device, start: 0x1001)
    #expect(bus.read(0x1004, byteCount: 8) == UInt64.max - 4)
    bus.remove(device, start: 0x1000)
    #expect(bus.read(0x1004, byteCount: 8) == .max)
    #expect(bus.insert(Device(), start: 0x1000, byteCount: 0x10))
  }
}
