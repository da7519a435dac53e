import Glibc
import Hypervisor
import Testing
import VextProtocol

/// The ACPI tables as a kernel finds them.
@Suite struct ACPITablesTests {
  /// The BIOS area of a guest with `vcpuCount` vCPUs.
  private struct Tables {
    private static let start = 0xF_0000
    private let area: [UInt8]

    init(vcpuCount: Int) throws {
      let memory = try GuestMemory(byteCount: 64 << 20)
      let file = BootImageFile(BootImageBytes.bzImage().bytes)
      _ = try LinuxBoot(
        KernelImage(path: file.path), initrd: nil, commandLine: "", memory: memory, vcpuCount: vcpuCount)
      area = try memory.read(0x1_0000, at: GuestAddress(UInt64(Self.start)))
    }

    func bytes(_ address: Int, _ count: Int) throws -> [UInt8] {
      try #require(address >= Self.start && address + count <= Self.start + area.count)
      return Array(area[address - Self.start..<address - Self.start + count])
    }

    func integer(_ address: Int, _ count: Int) throws -> Int {
      try bytes(address, count).reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    func rootPointer() throws -> Int {
      let pattern = Array("RSD PTR ".utf8)
      let offset = try #require(
        stride(from: 0, to: area.count, by: 16).first { area[$0...].starts(with: pattern) })
      return Self.start + offset
    }

    /// A whole table, whose length and checksum are right.
    func table(_ address: Int, _ signature: String) throws -> [UInt8] {
      let table = try bytes(address, try integer(address + 4, 4))
      #expect(table.starts(with: Array(signature.utf8)))
      #expect(table.reduce(0, &+) == 0)
      return table
    }

    /// Addresses of the tables that the XSDT lists.
    func listed() throws -> [Int] {
      let xsdt = try integer(try rootPointer() + 24, 8)
      let count = (try table(xsdt, "XSDT").count - 36) / 8
      return try (0..<count).map { try integer(xsdt + 36 + $0 * 8, 8) }
    }
  }

  @Test func `the root pointer is found, and both of its checksums are right`() throws {
    let tables = try Tables(vcpuCount: 1)
    let pointer = try tables.rootPointer()
    #expect(UInt64(pointer) == BootLayout.acpiTables.rawValue)
    #expect(try tables.bytes(pointer, 20).reduce(0, &+) == 0)
    #expect(try tables.bytes(pointer, 36).reduce(0, &+) == 0)
    #expect(try tables.integer(pointer + 15, 1) == 2)
  }

  @Test func `the FADT names the ports and says that there is a reset register`() throws {
    let tables = try Tables(vcpuCount: 2)
    let fadt = try tables.listed()[0]
    #expect(try tables.table(fadt, "FACP").count == 276)
    #expect(try tables.integer(fadt + 46, 2) == 9)
    #expect(try tables.integer(fadt + 48, 4) == 0)
    #expect(try tables.integer(fadt + 56, 4) == Int(ACPIPorts.pm1aEvent.rawValue))
    #expect(try tables.integer(fadt + 64, 4) == Int(ACPIPorts.pm1aControl.rawValue))
    #expect(try tables.bytes(fadt + 88, 2) == [4, 2])
    #expect(try tables.integer(fadt + 108, 1) == 0x32)
    // WBINVD, a fixed power button but no sleep button, a reset register.
    #expect(try tables.integer(fadt + 112, 4) == 1 << 0 | 1 << 5 | 1 << 10)
    #expect(try tables.bytes(fadt + 116, 13) == [1, 8, 0, 1, 0xF9, 0x0C, 0, 0, 0, 0, 0, 0, 6])
    #expect(try tables.bytes(fadt + 148, 12) == [1, 32, 0, 2, 0, 6, 0, 0, 0, 0, 0, 0])
    #expect(try tables.bytes(fadt + 172, 12) == [1, 16, 0, 2, 4, 6, 0, 0, 0, 0, 0, 0])
    let facs = try tables.integer(fadt + 36, 4)
    #expect(facs % 64 == 0)
    #expect(try tables.bytes(facs, 8) == Array("FACS".utf8) + [64, 0, 0, 0])
    #expect(try tables.integer(fadt + 40, 4) == tables.integer(fadt + 140, 8))
  }

  @Test(arguments: [1, 2, 64, 254])
  func `the MADT lists every vCPU, the I O APIC and the system control interrupt`(vcpuCount: Int) throws {
    let tables = try Tables(vcpuCount: vcpuCount)
    let madt = try tables.table(try tables.listed()[1], "APIC")
    var entries: [[UInt8]] = []
    var offset = 44
    while offset < madt.count {
      let length = Int(madt[offset + 1])
      try #require(length >= 2)
      entries.append(Array(madt[offset..<offset + length]))
      offset += length
    }
    #expect(offset == madt.count)
    let processors = entries.filter { $0[0] == 0 }
    #expect(processors == (0..<vcpuCount).map { [0, 8, UInt8($0), UInt8($0), 1, 0, 0, 0] })
    #expect(entries.filter { $0[0] == 1 } == [[1, 12, 0, 0, 0, 0, 0xC0, 0xFE, 0, 0, 0, 0]])
    #expect(entries.filter { $0[0] == 2 } == [[2, 10, 0, 9, 9, 0, 0, 0, 0x0D, 0]])
    #expect(entries.filter { $0[0] == 4 } == [[4, 6, 0xFF, 0, 0, 1]])
  }

  @Test func `a write of S5's type with the enable bit switches off, others do not`() {
    #expect(ACPIPorts.isPowerOff(0x3400))
    #expect(ACPIPorts.isPowerOff(0x3401))
    for control in [0, 1, 0x1400, 0x2000, 0x2400, 0x3800, 0xFFFF] as [UInt16] {
      #expect(!ACPIPorts.isPowerOff(control))
    }
  }

  @Test(.enabled(if: unsafe access("/usr/bin/iasl", X_OK) == 0, "acpica-tools is not installed"))
  func `iasl takes the DSDT apart, and finds the devices and their resources in it`() throws {
    let tables = try Tables(vcpuCount: 1)
    let fadt = try tables.listed()[0]
    let file = BootImageFile(try tables.table(try tables.integer(fadt + 40, 4), "DSDT"))
    let listing = file.path + ".dsl"
    defer { unsafe unlink(listing) }
    let status = unsafe system("timeout -k 5 60 /usr/bin/iasl -d \(file.path) >/dev/null 2>&1")
    #expect(status == 0)
    let text = try contents(of: listing)
    for line in [
      "_S5, Package (0x04)", "Device (PCI0)", "EisaId (\"PNP0A03\")", "Device (COM1)",
      "EisaId (\"PNP0501\")", "Device (KBD)", "EisaId (\"PNP0303\")", "Device (RTC)", "EisaId (\"PNP0B00\")",
      "0x001FFFFF", "0xC1000000,         // Range Minimum", "0xFEBFFFFF,         // Range Maximum",
      "IRQNoFlags",
    ] {
      #expect(text.contains(line), "no \(line)")
    }
    #expect(!text.contains("Unknown"))
  }

  private func contents(of path: String) throws -> String {
    let descriptor = unsafe open(path, O_RDONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    // SAFETY: the array has its count of bytes.
    let count = unsafe read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
  }
}
