import Foundation
import Hypervisor
import SystemPackage
import Testing
import VextProtocol

/// What a kernel finds in its memory.
@Suite struct BootLinuxTests {
  private static let mebibyte: UInt64 = 1 << 20

  private func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, _ memory: GuestMemory, _ address: UInt64
  ) throws -> Value { try memory.load(type, at: GuestAddress(address)) }

  private func boot(
    _ image: BootImageBytes, memory: GuestMemory, initrd: InitrdSource? = nil, commandLine: String = "",
    vcpuCount: Int = 1
  ) throws -> LinuxBoot {
    let file = BootImageFile(image.bytes)
    return try LinuxBoot(
      KernelImage(path: file.path), initrd: initrd, commandLine: commandLine, memory: memory,
      vcpuCount: vcpuCount)
  }

  @Test func `the zero page names all addresses for a bzImage`() throws {
    let memory = try GuestMemory(byteCount: 64 * Self.mebibyte)
    let payload = (0..<0x400).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let boot = try boot(
      .bzImage(payload: payload), memory: memory, initrd: InitrdSource(bytes: [1, 2, 3]), commandLine: "a=b c"
    )
    let page = BootLayout.zeroPage.rawValue
    #expect(try load(UInt16.self, memory, page + 0x1FE) == 0xAA55)
    #expect(try load(UInt32.self, memory, page + 0x202) == 0x5372_6448)
    #expect(try load(UInt16.self, memory, page + 0x206) == 0x020F)
    #expect(try load(UInt8.self, memory, page + 0x210) == 0xFF)
    #expect(try load(UInt64.self, memory, page + 0x258) == 0x100_0000)
    #expect(try load(UInt32.self, memory, page + 0x214) == 0x100_0000)
    #expect(try load(UInt64.self, memory, page + 0x070) == BootLayout.acpiTables.rawValue)
    let commandLine = GuestAddress(UInt64(try load(UInt32.self, memory, page + 0x228)))
    #expect(try memory.read(6, at: commandLine) == Array("a=b c\0".utf8))
    let initrd = UInt64(try load(UInt32.self, memory, page + 0x218))
    #expect(initrd == 64 * Self.mebibyte - 4096)
    #expect(try load(UInt32.self, memory, page + 0x21C) == 3)
    #expect(try memory.read(4, at: GuestAddress(initrd)) == [1, 2, 3, 0])
    #expect(boot.initrd?.address == GuestAddress(initrd))
    #expect(boot.firstInstruction == GuestAddress(0x100_0200))
    #expect(try memory.read(payload.count, at: GuestAddress(0x100_0000)) == payload)
    // Nothing of the file but its setup header got into the page.
    #expect(try load(UInt64.self, memory, page) == 0)
  }

  @Test(
    arguments: [
      (512, [(0x10_0000, 0x2000_0000)]),
      (3072, [(0x10_0000, 0xC000_0000)]),
      (5120, [(0x10_0000, 0xC000_0000), (0x1_0000_0000, 0x1_8000_0000)]),
    ] as [(UInt64, [(UInt64, UInt64)])])
  func `the memory map has all RAM and leaves out the hole`(mebibytes: UInt64, high: [(UInt64, UInt64)])
    throws
  {
    let memory = try GuestMemory(byteCount: mebibytes * Self.mebibyte)
    let boot = try boot(.bzImage(), memory: memory)
    let page = BootLayout.zeroPage.rawValue
    let count = Int(try load(UInt8.self, memory, page + 0x1E8))
    var ranges: [(start: UInt64, end: UInt64, kind: UInt32)] = []
    for index in 0..<count {
      let entry = page + 0x2D0 + UInt64(index) * 20
      let start = try load(UInt64.self, memory, entry)
      ranges.append(
        (start, start + (try load(UInt64.self, memory, entry + 8)), try load(UInt32.self, memory, entry + 16))
      )
    }
    #expect(boot.memoryMap.entries.map(\.start) == ranges.map(\.start))
    for (range, next) in zip(ranges, ranges.dropFirst()) { #expect(range.end <= next.start) }
    let ram = ranges.filter { $0.kind == 1 }
    #expect(ram.map(\.start) == [0] + high.map(\.0))
    #expect(ram.map(\.end) == [0x9_FC00] + high.map(\.1))
    for address in [0x9_FC00, 0xF_0000, 0xF_FFFF, 0xFEC0_0000, 0xFEE0_0000, 0xFEFF_C000] as [UInt64] {
      #expect(ranges.contains { $0.kind == 2 && $0.start <= address && address < $0.end })
    }
    // The BARs' window is neither RAM nor reserved, or Linux would give it to no device.
    #expect(!ranges.contains { $0.start < PCIHost.barWindowEnd && $0.end > PCIHost.barWindowStart })
  }

  @Test func `an initrd lies as high as the kernel allows, whatever the RAM`() throws {
    var image = BootImageBytes.bzImage()
    image.set(0x01FF_FFFF as UInt32, at: 0x22C)
    let memory = try GuestMemory(byteCount: 5120 * Self.mebibyte)
    let first = try boot(
      image, memory: memory, initrd: InitrdSource(bytes: [UInt8](repeating: 9, count: 5000)))
    #expect(first.initrd?.address == GuestAddress(0x200_0000 - 8192))
    image.set(UInt32.max, at: 0x22C)
    let second = try boot(image, memory: memory, initrd: InitrdSource(bytes: [9]))
    #expect(second.initrd?.address == GuestAddress(GuestMemory.pciHoleStart - 4096))
  }

  @Test func `pieces of an initrd follow each other at multiples of four bytes`() throws {
    let file = BootImageFile([4, 5, 6, 7, 8])
    let memory = try GuestMemory(byteCount: 64 * Self.mebibyte)
    let source = InitrdSource([.bytes([1, 2, 3]), .file(path: file.path), .bytes([9])])
    let initrd = try #require(try boot(.bzImage(), memory: memory, initrd: source).initrd)
    #expect(initrd.byteCount == 13)
    #expect(try memory.read(13, at: initrd.address) == [1, 2, 3, 0, 4, 5, 6, 7, 8, 0, 0, 0, 9])
  }

  @Test func `an ELF kernel gets its segments and a header made for it`() throws {
    let memory = try GuestMemory(byteCount: 64 * Self.mebibyte)
    let payload = (0..<64).map { UInt8($0) }
    let boot = try boot(.elf(payload: payload), memory: memory, commandLine: "x")
    #expect(boot.firstInstruction == GuestAddress(0x100_0000))
    #expect(try memory.read(64, at: boot.firstInstruction) == payload)
    let page = BootLayout.zeroPage.rawValue
    #expect(try load(UInt16.self, memory, page + 0x1FE) == 0xAA55)
    #expect(try load(UInt32.self, memory, page + 0x202) == 0x5372_6448)
    #expect(try load(UInt32.self, memory, page + 0x228) == UInt32(BootLayout.commandLine.rawValue))
    #expect(try load(UInt32.self, memory, page + 0x21C) == 0)
  }

  @Test func `a PVH kernel gets start info with module, memory map and root pointer`() throws {
    let memory = try GuestMemory(byteCount: 5120 * Self.mebibyte)
    let boot = try boot(
      .elf(pvhEntry: 0x100_0010), memory: memory, initrd: InitrdSource(bytes: [1, 2, 3]), commandLine: "quiet"
    )
    #expect(boot.firstInstruction == GuestAddress(0x100_0010))
    let info = BootLayout.pvhStartInfo.rawValue
    #expect(try load(UInt32.self, memory, info) == 0x336E_C578)
    #expect(try load(UInt32.self, memory, info + 4) == 1)
    #expect(try load(UInt32.self, memory, info + 12) == 1)
    let module = try load(UInt64.self, memory, info + 16)
    #expect(try load(UInt64.self, memory, module) == boot.initrd?.address.rawValue)
    #expect(try load(UInt64.self, memory, module + 8) == 3)
    let commandLine = try load(UInt64.self, memory, info + 24)
    #expect(try memory.read(6, at: GuestAddress(commandLine)) == Array("quiet\0".utf8))
    #expect(try load(UInt64.self, memory, info + 32) == BootLayout.acpiTables.rawValue)
    let map = try load(UInt64.self, memory, info + 40)
    #expect(try load(UInt32.self, memory, info + 48) == UInt32(boot.memoryMap.entries.count))
    for (index, entry) in boot.memoryMap.entries.enumerated() {
      let address = map + UInt64(index) * 24
      #expect(try load(UInt64.self, memory, address) == entry.start)
      #expect(try load(UInt64.self, memory, address + 8) == entry.byteCount)
      #expect(try load(UInt32.self, memory, address + 16) == entry.kind.rawValue)
    }
  }

  @Test func `the identity map covers four GiB, and the descriptors are flat`() throws {
    let memory = try GuestMemory(byteCount: 64 * Self.mebibyte)
    _ = try boot(.bzImage(), memory: memory)
    let tableMask: UInt64 = ~0xFFF
    for address in [0, 0x100_0000, 0x3FE0_0000, 0xC000_0000, 0xFFE0_0000] as [UInt64] {
      let pointers = try load(UInt64.self, memory, BootLayout.pageTables.rawValue) & tableMask
      let directory = try load(UInt64.self, memory, pointers + (address >> 30) * 8) & tableMask
      let entry = try load(UInt64.self, memory, directory + (address >> 21 & 511) * 8)
      #expect(entry == address | 1 << 7 | 0b11)
    }
    #expect(try load(UInt64.self, memory, BootLayout.gdt.rawValue + 0x10) == 0x00AF_9B00_0000_FFFF)
    #expect(try load(UInt64.self, memory, BootLayout.gdt.rawValue + 0x18) == 0x00CF_9300_0000_FFFF)
  }

  @Test func `a command line may be as long as the kernel takes, and no longer`() throws {
    let memory = try GuestMemory(byteCount: 64 * Self.mebibyte)
    _ = try boot(.bzImage(), memory: memory, commandLine: String(repeating: "x", count: 255))
    let error = #expect(throws: BootError.commandLineTooLong(byteCount: 256, limit: 255)) {
      try boot(.bzImage(), memory: memory, commandLine: String(repeating: "x", count: 256))
    }
    #expect(error?.description == "kernel command line: 256 bytes, but the kernel takes 255")
    var generous = BootImageBytes.bzImage()
    generous.set(UInt32.max, at: 0x238)
    _ = try boot(generous, memory: memory, commandLine: String(repeating: "x", count: 2048))
    #expect(throws: BootError.commandLineTooLong(byteCount: 2049, limit: 2048)) {
      try boot(generous, memory: memory, commandLine: String(repeating: "x", count: 2049))
    }
  }

  @Test func `a kernel or an initrd that does not fit is refused before anything is read`() throws {
    let small = try GuestMemory(byteCount: 16 * Self.mebibyte)
    for image in [BootImageBytes.bzImage(), .elf(), .elf(pvhEntry: 0x100_0000)] {
      let error = #expect(throws: BootError.self) { try boot(image, memory: small) }
      #expect(error?.description.contains("the guest has 16 MiB below the PCI hole") == true)
    }
    var high = BootImageBytes.elf()
    high.setProgramHeader(0, type: 1, offset: 512, address: 0x1_0000_0000, byteCount: 64)
    high.set(0x1_0000_0000 as UInt64, at: 24)
    let large = try GuestMemory(byteCount: 5120 * Self.mebibyte)
    #expect(throws: BootError.self) { try boot(high, memory: large) }
    let memory = try GuestMemory(byteCount: 18 * Self.mebibyte)
    let file = BootImageFile([UInt8](repeating: 1, count: 0x10_0001))
    let error = #expect(throws: BootError.self) {
      try boot(.bzImage(), memory: memory, initrd: InitrdSource(path: file.path))
    }
    #expect(
      error?.description
        == "initrd \(file.path): its 1048577 bytes do not fit into the 1048576 bytes above the kernel")
    #expect(try small.residentByteCount() == 0)
    #expect(try memory.residentByteCount() == 0)
  }

  @Test func `an initrd that is missing or empty is refused, and the error names it`() throws {
    let memory = try GuestMemory(byteCount: 64 * Self.mebibyte)
    #expect(throws: BootError.cannotOpen(.initrd("/nonexistent/i"), .noSuchFileOrDirectory)) {
      try boot(.bzImage(), memory: memory, initrd: InitrdSource(path: "/nonexistent/i"))
    }
    let empty = BootImageFile([])
    #expect(throws: BootError.empty(.initrd(empty.path))) {
      try boot(.bzImage(), memory: memory, initrd: InitrdSource(path: empty.path))
    }
  }

  @Test func `too little RAM, and too many or no vCPUs, are refused`() throws {
    let tiny = try GuestMemory(byteCount: Self.mebibyte)
    #expect(throws: BootError.memoryTooSmall(byteCount: Self.mebibyte, minimum: 2 * Self.mebibyte)) {
      try boot(.bzImage(), memory: tiny)
    }
    let memory = try GuestMemory(byteCount: 64 * Self.mebibyte)
    for vcpuCount in [0, -1, 255] {
      #expect(throws: BootError.badVCPUCount(vcpuCount, limit: 254)) {
        try boot(.bzImage(), memory: memory, vcpuCount: vcpuCount)
      }
    }
  }

  @Test(.enabled(if: DebianKernel.path != nil, "there is no Debian kernel in /boot"))
  func `this machine's Debian kernel is loaded whole`() throws {
    let memory = try GuestMemory(byteCount: 256 * Self.mebibyte)
    let image = try KernelImage(path: try #require(DebianKernel.path))
    let boot = try LinuxBoot(image, initrd: nil, commandLine: "", memory: memory, vcpuCount: 1)
    let page = BootLayout.zeroPage.rawValue
    #expect(boot.firstInstruction.rawValue == (try load(UInt64.self, memory, page + 0x258)) + 0x200)
    // It begins with "cld; cli" and goes on for some MiB, as it stands in the file behind the set-up sectors.
    #expect(try memory.read(2, at: GuestAddress(boot.firstInstruction.rawValue)) == [0xFC, 0xFA])
    let setUpSectorCount = Int(try load(UInt8.self, memory, page + 0x1F1))
    let payload = try Data(contentsOf: URL(filePath: image.path)).dropFirst((setUpSectorCount + 1) * 512)
    #expect(
      try memory.read(payload.count, at: GuestAddress(boot.firstInstruction.rawValue - 0x200))
        == Array(payload))
    // Mapped from the file, it is resident now that it was read.
    #expect(try memory.residentByteCount() > 4 << 20)
  }
}
