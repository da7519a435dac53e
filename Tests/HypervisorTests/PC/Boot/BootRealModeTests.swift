import RealModeBIOS
import Testing
import VextProtocol

@testable import Hypervisor

/// What a kernel or program finds that starts in real mode.
@Suite struct BootRealModeTests {
  private static func oldKernel(_ change: (inout BootImageBytes) -> Void = { _ in }) -> [UInt8] {
    var image = BootImageBytes.bzImage(payload: (0..<0x400).map { UInt8(truncatingIfNeeded: $0 * 7) })
    image.set(0x0206 as UInt16, at: 0x206)
    change(&image)
    return image.bytes
  }

  private static func boot(
    _ bytes: [UInt8], memory: GuestMemory, initrd: InitrdSource? = nil, commandLine: String = ""
  ) throws -> LinuxBoot {
    let file = BootImageFile(bytes)
    return try LinuxBoot(
      KernelImage(path: file.path), initrd: initrd, commandLine: commandLine, memory: memory, vcpuCount: 1)
  }

  @Test func `setup code lies at 1000:0000 with the fields of a boot loader, the payload at 1 MiB`() throws {
    let memory = try GuestMemory(byteCount: 64 << 20)
    let bytes = Self.oldKernel()
    let boot = try Self.boot(
      bytes, memory: memory, initrd: InitrdSource(bytes: [1, 2, 3]), commandLine: "a=b")
    #expect(boot.entry == .realMode(code: 0x1020, instruction: 0, data: 0x1000, stack: 0xE000))
    #expect(boot.firstInstruction == GuestAddress(0x1_0200))
    let setup = LittleEndianBytes(try memory.read(1024, at: GuestAddress(0x1_0000)))
    #expect(setup.load(UInt16.self, at: 0x1FA) == 0xFFFF)
    #expect(setup.load(UInt8.self, at: 0x210) == 0xFF)
    #expect(setup.load(UInt8.self, at: 0x211) == 0x81)
    #expect(setup.load(UInt16.self, at: 0x224) == 0xDE00)
    let commandLine = GuestAddress(UInt64(try #require(setup.load(UInt32.self, at: 0x228))))
    #expect(try memory.read(4, at: commandLine) == Array("a=b\0".utf8))
    let initrd = GuestAddress(UInt64(try #require(setup.load(UInt32.self, at: 0x218))))
    #expect(boot.initrd?.address == initrd)
    #expect(setup.load(UInt32.self, at: 0x21C) == 3)
    #expect(try memory.read(3, at: initrd) == [1, 2, 3])
    // The rest of the setup code is the file's.
    #expect(Array(setup.bytes[0x240...]) == Array(bytes[0x240..<1024]))
    #expect(try memory.read(0x400, at: GuestAddress(0x10_0000)) == Array(bytes[1024...]))
  }

  @Test func `an old kernel's initrd lies below the address that its protocol implies`() throws {
    let memory = try GuestMemory(byteCount: 2 << 30)
    let bytes = Self.oldKernel { $0.set(0x0202 as UInt16, at: 0x206) }
    let boot = try Self.boot(bytes, memory: memory, initrd: InitrdSource(bytes: [1]))
    #expect(boot.initrd?.address == GuestAddress(0x3800_0000 - 4096))
  }

  @Test func `a flat binary lies at 1000:0000, and starts there`() throws {
    let memory = try GuestMemory(byteCount: 4 << 20)
    let boot = try Self.boot([0xF4, 0xEB, 0xFD], memory: memory)
    #expect(boot.entry == .realMode(code: 0x1000, instruction: 0, data: 0x1000, stack: 0x8000))
    #expect(try memory.read(4, at: GuestAddress(0x1_0000)) == [0xF4, 0xEB, 0xFD, 0])
    let large = [UInt8](repeating: 0x90, count: Int(FlatBinary.byteLimit))
    _ = try Self.boot(large, memory: GuestMemory(byteCount: 4 << 20))
    #expect(throws: BootError.commandLineTooLong(byteCount: 1, limit: 0)) {
      try Self.boot([0xF4], memory: GuestMemory(byteCount: 4 << 20), commandLine: "x")
    }
  }

  @Test func `each interrupt vector leads into the BIOS, and services have handlers of their own`() throws {
    let memory = try GuestMemory(byteCount: 4 << 20)
    _ = try Self.boot([0xF4], memory: memory)
    let vectors = LittleEndianBytes(try memory.read(1024, at: GuestAddress(0)))
    let offsets = try (0..<256).map { try #require(vectors.load(UInt16.self, at: $0 * 4)) }
    for vector in 0..<256 { #expect(vectors.load(UInt16.self, at: vector * 4 + 2) == 0xF000) }
    let image = RealModeBIOSImage.bytes()
    let code = UInt16(0xE000) + 14..<UInt16(0xE000) + UInt16(image.count)
    #expect(offsets.allSatisfy { code.contains($0) })
    #expect(Set([0x10, 0x12, 0x13, 0x15, 0x16, 0x08].map { offsets[$0] }).count == 6)
    #expect(offsets[0x13] == offsets[0x1A])
    // The handler of unused vectors is `iret` alone.
    #expect(try memory.read(1, at: GuestAddress(0xF_0000 + UInt64(offsets[0x08]))) == [0xCF])
    #expect(try memory.read(image.count - 8, at: GuestAddress(0xF_E000)) == Array(image.dropLast(8)))
  }

  @Test(
    arguments: [
      (4 << 20, 3072, 0, 3072), (32 << 20, 15360, 256, 31744), (64 << 20, 15360, 768, 64512),
      (5 << 30, 15360, 48896, 65535),
    ] as [(UInt64, UInt16, UInt16, UInt16)])
  func `the BIOS returns the sizes of memory and its map`(
    byteCount: UInt64, below: UInt16, above: UInt16, all: UInt16
  ) throws {
    let memory = try GuestMemory(byteCount: byteCount)
    let boot = try Self.boot([0xF4], memory: memory)
    let image = LittleEndianBytes(RealModeBIOSImage.bytes())
    let word = RealModeBIOSImage.Word.memoryMap.rawValue * 2
    let place = UInt64(try #require(image.load(UInt16.self, at: word)))
    // The words end the image.
    #expect(place == 0xE000 + UInt64(image.count) - 8)
    let map = LittleEndianBytes(try memory.read(8 + 20 * 6, at: GuestAddress(0xF_0000 + place)))
    #expect(map.load(UInt16.self, at: 0) == UInt16(boot.memoryMap.entries.count))
    #expect(map.load(UInt16.self, at: 2) == below)
    #expect(map.load(UInt16.self, at: 4) == above)
    #expect(map.load(UInt16.self, at: 6) == all)
    for (index, entry) in boot.memoryMap.entries.enumerated() {
      #expect(map.load(UInt64.self, at: 8 + index * 20) == entry.start)
      #expect(map.load(UInt64.self, at: 16 + index * 20) == entry.byteCount)
      #expect(map.load(UInt32.self, at: 24 + index * 20) == entry.kind.rawValue)
    }
    // The BIOS data area has the conventional memory that int 12h tells.
    #expect(try memory.load(UInt16.self, at: GuestAddress(0x413)) == 639)
  }
}
