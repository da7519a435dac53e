import Testing
import VextProtocol

@testable import Hypervisor

/// The device that firmware asks for the machine: its ports as firmware and a hostile guest use them.
@Suite struct FirmwareConfigurationTests {
  private static let memoryByteCount: UInt64 = 4 << 20

  /// The device on a bus, with the guest's memory.
  private struct Board {
    let bus = AddressBus()
    let memory: GuestMemory
    let items: FirmwareItems

    init(vcpuCount: Int = 3, bootSlots: [Int] = [1, 31]) throws {
      memory = try GuestMemory(byteCount: FirmwareConfigurationTests.memoryByteCount)
      items = FirmwareItems(
        memoryByteCount: 5 << 30, vcpuCount: vcpuCount, bootSlots: bootSlots)
      let device = FirmwareConfigurationDevice(items, memory: memory)
      #expect(bus.insert(device, start: 0x510, byteCount: 12))
    }

    func select(_ selector: UInt16) { bus.write(0x510, byteCount: 2, value: UInt64(selector)) }

    func read(_ count: Int) -> [UInt8] {
      (0..<count).map { _ in UInt8(truncatingIfNeeded: bus.read(0x511, byteCount: 1)) }
    }

    func item(_ selector: UInt16, _ count: Int) -> [UInt8] {
      select(selector)
      return read(count)
    }

    /// Selector and size of a file.
    func file(_ wanted: String) throws -> (selector: UInt16, byteCount: Int) {
      select(0x19)
      let count = read(4).reduce(0) { $0 << 8 | Int($1) }
      for _ in 0..<count {
        let entry = read(64)
        let name = String(decoding: entry[8...].prefix { $0 != 0 }, as: UTF8.self)
        if name == wanted {
          return (UInt16(entry[4]) << 8 | UInt16(entry[5]), entry[..<4].reduce(0) { $0 << 8 | Int($1) })
        }
      }
      throw CancellationError()
    }

    func contents(_ name: String) throws -> [UInt8] {
      let file = try file(name)
      return item(file.selector, file.byteCount)
    }

    /// Starts a DMA request that lies at `place`.
    func start(at place: UInt64) {
      bus.write(0x514, byteCount: 4, value: UInt64(UInt32(truncatingIfNeeded: place >> 32).byteSwapped))
      bus.write(0x518, byteCount: 4, value: UInt64(UInt32(truncatingIfNeeded: place).byteSwapped))
    }

    /// Makes a DMA request at 1000h and starts it; returns its control word afterwards.
    func request(_ control: UInt32, _ byteCount: UInt32, _ address: UInt64) throws -> UInt32 {
      try memory.store(control.byteSwapped, at: GuestAddress(0x1000))
      try memory.store(byteCount.byteSwapped, at: GuestAddress(0x1004))
      try memory.store(address.byteSwapped, at: GuestAddress(0x1008))
      start(at: 0x1000)
      return try memory.load(UInt32.self, at: GuestAddress(0x1000)).byteSwapped
    }
  }

  @Test func `the signature, the features and the numbers of CPUs are read byte by byte`() throws {
    let board = try Board()
    #expect(board.item(0, 4) == Array("QEMU".utf8))
    #expect(board.item(1, 4) == [3, 0, 0, 0])
    #expect(board.item(5, 2) == [3, 0])
    #expect(board.item(0x0F, 2) == [3, 0])
    #expect(board.item(3, 8) == [0, 0, 0, 0x40, 1, 0, 0, 0])
    #expect(board.item(0, 2) == Array("QE".utf8))
    #expect(board.read(2) == Array("MU".utf8))
  }

  @Test func `an unknown selector and the bytes behind an item read as zeroes`() throws {
    let board = try Board()
    #expect(board.item(0, 7) == Array("QEMU".utf8) + [0, 0, 0])
    for selector in [0x02, 0x0D, 0x0E, 0x8000, 0xFFFF] as [UInt16] {
      #expect(board.item(selector, 9) == [UInt8](repeating: 0, count: 9))
    }
  }

  @Test func `accesses of other widths and places change nothing`() throws {
    let board = try Board()
    board.select(0)
    board.bus.write(0x510, byteCount: 1, value: 5)
    board.bus.write(0x510, byteCount: 4, value: 5)
    board.bus.write(0x511, byteCount: 1, value: 5)
    board.bus.write(0x512, byteCount: 2, value: 5)
    board.bus.write(0x516, byteCount: 4, value: .max)
    #expect(board.bus.read(0x510, byteCount: 2) == 0xFFFF)
    #expect(board.bus.read(0x511, byteCount: 2) == 0xFFFF)
    #expect(board.read(4) == Array("QEMU".utf8))
  }

  @Test func `the memory map has RAM around the hole, and what is reserved above it`() throws {
    let bytes = LittleEndianBytes(try Board().contents("etc/e820"))
    let records = stride(from: 0, to: bytes.count, by: 20).map {
      [
        bytes.load(UInt64.self, at: $0), bytes.load(UInt64.self, at: $0 + 8),
        bytes.load(UInt32.self, at: $0 + 16).map(UInt64.init),
      ]
    }
    #expect(
      records == [[0, 0xC000_0000, 1], [0xFEC0_0000, 0x140_0000, 2], [0x1_0000_0000, 0x8000_0000, 1]])
  }

  @Test func `disks are booted in the order of their slots`() throws {
    let order = "/pci@i0cf8/scsi@1/disk@0,0\n/pci@i0cf8/scsi@1f/disk@0,0\0"
    #expect(try Board().contents("bootorder") == Array(order.utf8))
    #expect(throws: CancellationError.self) { try Board(bootSlots: []).file("bootorder") }
    #expect(try Board().contents("etc/boot-cpus") == [3, 0])
    #expect(try Board().contents("etc/sercon-port") == [0xF8, 3, 0, 0, 0, 0, 0, 0])
  }

  @Test func `DMA shows its signature, and reads what it selects`() throws {
    let board = try Board()
    #expect(board.bus.read(0x514, byteCount: 4) == 0x554D_4551)
    #expect(board.bus.read(0x518, byteCount: 4) == 0x4746_4320)
    #expect(board.bus.read(0x51B, byteCount: 1) == UInt64(UInt8(ascii: "G")))
    try board.memory.write([9, 9, 9, 9, 9, 9, 9, 9], at: GuestAddress(0x2000))
    #expect(try board.request(0x0000_000A, 6, 0x2000) == 0)
    #expect(try board.memory.read(8, at: GuestAddress(0x2000)) == Array("QEMU".utf8) + [0, 0, 9, 9])
    // Without a selection it goes on where it was; what is skipped is not copied.
    #expect(try board.request(0x0000_0008, 0, 0) == 0)
    #expect(try board.request(0x0000_0004, 2, .max) == 0)
    #expect(try board.request(0x0000_0002, 2, 0x2000) == 0)
    #expect(try board.memory.read(3, at: GuestAddress(0x2000)) == Array("MUM".utf8))
  }

  @Test(
    arguments: [
      (0x0A, 4, Self.memoryByteCount - 3), (0x0A, 4, .max), (0x0A, 4, .max - 3), (0x0A, .max, 0),
      (0x0A, .max, .max), (0x0A, 0x40_0001, 0), (0x0A, 1, 0xC000_0000), (0x18, 4, 0x2000),
    ] as [(UInt32, UInt32, UInt64)])
  func `DMA to an address without RAM, and a write, end with an error and change nothing`(
    control: UInt32, byteCount: UInt32, address: UInt64
  ) throws {
    let board = try Board()
    try board.memory.write([9, 9, 9, 9], at: GuestAddress(Self.memoryByteCount - 4))
    try board.memory.write([9, 9, 9, 9], at: GuestAddress(0x2000))
    #expect(try board.request(control, byteCount, address) == 1)
    #expect(try board.memory.read(4, at: GuestAddress(Self.memoryByteCount - 4)) == [9, 9, 9, 9])
    #expect(try board.memory.read(4, at: GuestAddress(0x2000)) == [9, 9, 9, 9])
    #expect(try board.request(0x0A, 4, 0x2000) == 0)
    #expect(try board.memory.read(4, at: GuestAddress(0x2000)) == Array("QEMU".utf8))
  }

  @Test(arguments: [.max, .max - 15, 0xC000_0000, Self.memoryByteCount - 15, 1 << 32] as [UInt64])
  func `a DMA request without RAM behind it is ignored`(place: UInt64) throws {
    let board = try Board()
    board.start(at: place)
    #expect(board.item(0, 4) == Array("QEMU".utf8))
  }

  @Test func `positions beyond all items neither trap nor wrap into them`() throws {
    let board = try Board()
    #expect(try board.request(0x0000_0008, 0, 0) == 0)
    for _ in 0..<4 { #expect(try board.request(0x0000_0004, .max, 0) == 0) }
    #expect(try board.request(0x0000_0002, 4, 0x2000) == 0)
    #expect(try board.memory.read(4, at: GuestAddress(0x2000)) == [0, 0, 0, 0])
    #expect(board.read(1) == [0])
  }

  /// Does what the commands say, with the tables at `address`.
  private func load(_ board: Board, at address: UInt64) throws -> (pointer: [UInt8], tables: [UInt8]) {
    var files = [
      "etc/acpi/rsdp": LittleEndianBytes(try board.contents("etc/acpi/rsdp")),
      "etc/acpi/tables": LittleEndianBytes(try board.contents("etc/acpi/tables")),
    ]
    let commands = LittleEndianBytes(try board.contents("etc/table-loader"))
    #expect(commands.count.isMultiple(of: 128))
    func text(_ offset: Int) -> String {
      String(decoding: commands.bytes[offset..<offset + 56].prefix { $0 != 0 }, as: UTF8.self)
    }
    func number(_ offset: Int) throws -> Int {
      Int(try #require(commands.load(UInt32.self, at: offset)))
    }
    var allocated: [String] = []
    for start in stride(from: 0, to: commands.count, by: 128) {
      let name = text(start + 4)
      switch try number(start) {
      case 1:
        allocated.append(name)
        #expect(commands.bytes[start + 64] == (name == "etc/acpi/rsdp" ? 2 : 1))
      case 2:
        #expect(text(start + 60) == "etc/acpi/tables")
        let place = try number(start + 116)
        var file = try #require(files[name])
        if commands.bytes[start + 120] == 8 {
          file.set(try #require(file.load(UInt64.self, at: place)) + address, at: place)
        } else {
          let value = try #require(file.load(UInt32.self, at: place))
          file.set(value + UInt32(truncatingIfNeeded: address), at: place)
        }
        files[name] = file
      case 3:
        var file = try #require(files[name])
        let (place, first, count) = (
          try number(start + 60), try number(start + 64), try number(start + 68)
        )
        let sum = file.bytes[first..<first + count].reduce(0, &+)
        file.set(file.bytes[place] &- sum, at: place)
        files[name] = file
      case let other: Issue.record("unknown command \(other)")
      }
    }
    #expect(allocated == ["etc/acpi/rsdp", "etc/acpi/tables"])
    return (files["etc/acpi/rsdp"]?.bytes ?? [], files["etc/acpi/tables"]?.bytes ?? [])
  }

  @Test(arguments: [1, 254])
  func `firmware that obeys the loader's commands has the tables of a kernel's boot`(vcpuCount: Int) throws {
    let address: UInt64 = 0xBFFE_1240
    let loaded = try load(Board(vcpuCount: vcpuCount), at: address)
    let expected = ACPITables(at: address, vcpuCount: vcpuCount, hasMouse: false).bytes
    #expect(loaded.pointer == Array(expected.prefix(36)))
    #expect(Array(loaded.tables.dropFirst(36)) == Array(expected.dropFirst(36)))
    #expect(loaded.tables.prefix(36).allSatisfy { $0 == 0 })
  }
}
