import CKVM
import Glibc
import HostSystem
import Testing
import VextProtocol

@testable import Hypervisor

extension TinyGuests {
  /// Programs and firmware of a few bytes that start in real mode; they store what they find at 2000:0000.
  @Suite struct RealModeTests {
    private static let results: UInt64 = 0x2_0000
    private static let memoryByteCount: UInt64 = 32 << 20

    /// Says "Hi", then stores CS, DS, SP, and the answers of interrupts 12h, 15h, 13h and 16h.
    private static let program: [UInt8] = [
      0xB8, 0x48, 0x0E,  //                   mov  $0x0e48, %ax
      0xCD, 0x10,  //                         int  $0x10
      0xB8, 0x69, 0x0E,  //                   mov  $0x0e69, %ax
      0xCD, 0x10,  //                         int  $0x10
      0xB8, 0x00, 0x20,  //                   mov  $0x2000, %ax
      0x8E, 0xC0,  //                         mov  %ax, %es
      0x26, 0x8C, 0x0E, 0x00, 0x00,  //       mov  %cs, %es:0
      0x26, 0x8C, 0x1E, 0x02, 0x00,  //       mov  %ds, %es:2
      0x26, 0x89, 0x26, 0x04, 0x00,  //       mov  %sp, %es:4
      0xCD, 0x12,  //                         int  $0x12
      0x26, 0xA3, 0x06, 0x00,  //             mov  %ax, %es:6
      0xB8, 0x01, 0xE8,  //                   mov  $0xe801, %ax
      0xCD, 0x15,  //                         int  $0x15
      0x26, 0xA3, 0x08, 0x00,  //             mov  %ax, %es:8
      0x26, 0x89, 0x16, 0x0A, 0x00,  //       mov  %dx, %es:10
      0xB4, 0x88,  //                         mov  $0x88, %ah
      0xCD, 0x15,  //                         int  $0x15
      0x26, 0xA3, 0x0C, 0x00,  //             mov  %ax, %es:12
      0xF8,  //                               clc
      0xB4, 0x41,  //                         mov  $0x41, %ah
      0xCD, 0x13,  //                         int  $0x13
      0x19, 0xC0,  //                         sbb  %ax, %ax
      0x26, 0xA3, 0x0E, 0x00,  //             mov  %ax, %es:14
      0xB4, 0x01,  //                         mov  $1, %ah
      0xCD, 0x16,  //                         int  $0x16
      0x26, 0x0F, 0x94, 0x06, 0x10, 0x00,  // setz %es:16
      0xBF, 0x20, 0x00,  //                   mov  $0x20, %di
      0x66, 0x31, 0xDB,  //                   xor  %ebx, %ebx
      0x66, 0xBA, 0x50, 0x41, 0x4D, 0x53,  // mov  $0x534d4150, %edx
      0xB8, 0x20, 0xE8,  //                1: mov  $0xe820, %ax
      0x66, 0xB9, 0x14, 0x00, 0x00, 0x00,  // mov  $20, %ecx
      0xCD, 0x15,  //                         int  $0x15
      0x72, 0x07,  //                         jc   2f
      0x83, 0xC7, 0x14,  //                   add  $20, %di
      0x85, 0xDB,  //                         test %bx, %bx
      0x75, 0xEC,  //                         jnz  1b
      0x26, 0x89, 0x3E, 0x12, 0x00,  //    2: mov  %di, %es:18
      0xE6, 0xF4,  //                         out  %al, $0xf4
      0xF4,  //                            3: hlt
      0xEB, 0xFD,  //                         jmp  3b
    ]

    /// Stores the first item of port 511h, then its own first word and that of its copy below 1 MiB, which it then changes.
    private static let firmware: [UInt8] = {
      let code: [UInt8] = [
        0x31, 0xC0,  //                         xor  %ax, %ax
        0xBA, 0x10, 0x05,  //                   mov  $0x510, %dx
        0xEF,  //                               out  %ax, (%dx)
        0xBB, 0x00, 0x20,  //                   mov  $0x2000, %bx
        0x8E, 0xC3,  //                         mov  %bx, %es
        0x31, 0xFF,  //                         xor  %di, %di
        0x42,  //                               inc  %dx
        0xB9, 0x04, 0x00,  //                   mov  $4, %cx
        0xF3, 0x6C,  //                         rep insb
        0x2E, 0xA1, 0x00, 0xF0,  //             mov  %cs:0xf000, %ax
        0xAB,  //                               stosw
        0xB8, 0x00, 0xF0,  //                   mov  $0xf000, %ax
        0x8E, 0xD8,  //                         mov  %ax, %ds
        0xA1, 0x00, 0xF0,  //                   mov  0xf000, %ax
        0xAB,  //                               stosw
        0xC7, 0x06, 0x00, 0xF0, 0x78, 0x56,  // movw $0x5678, 0xf000
        0xA1, 0x00, 0xF0,  //                   mov  0xf000, %ax
        0xAB,  //                               stosw
        0x2E, 0xA1, 0x00, 0xF0,  //             mov  %cs:0xf000, %ax
        0xAB,  //                               stosw
        0xE6, 0xF4,  //                         out  %al, $0xf4
        0xF4,  //                            1: hlt
        0xEB, 0xFD,  //                         jmp  1b
      ]
      // The reset vector: jmp to the page's start.
      return code + [UInt8](repeating: 0, count: 0xFF0 - code.count) + [0xE9, 0x0D, 0xF0]
        + [UInt8](repeating: 0, count: 13)
    }()

    /// A machine of one vCPU with a serial port that takes what it gets.
    private final class RealModeGuest {
      let machine: Machine
      private let serial = AccessRecorder(answer: 0xFF)
      private let doneDevice = AccessRecorder()

      init(
        _ bytes: [UInt8], _ prepare: (_ path: String, Machine) throws -> Void
      ) throws {
        let file = GuestImageFile(bytes, name: "real-mode")
        defer { file.remove() }
        machine = try Machine(
          MachineConfiguration(
            name: "real", memoryByteCount: RealModeTests.memoryByteCount, vcpuCount: 1), system: KVMSystem())
        #expect(machine.portBus.insert(doneDevice, start: 0xF4, byteCount: 1))
        #expect(machine.portBus.insert(serial, start: 0x3F8, byteCount: 8))
        try prepare(file.path, machine)
      }

      deinit { machine.stop() }

      /// Runs until the guest says that it is done, and returns what it stored and wrote to the serial port.
      func run(_ byteCount: Int) throws -> (words: LittleEndianBytes, text: String) {
        try machine.start()
        TinyGuest.waitForAccess(to: doneDevice, by: machine)
        machine.stop()
        let text = serial.accesses.compactMap { access -> UInt8? in
          guard case .write(0, 1, let value) = access else { return nil }
          return UInt8(truncatingIfNeeded: value)
        }
        return (
          LittleEndianBytes(
            try machine.memory.read(byteCount, at: GuestAddress(RealModeTests.results))),
          String(decoding: text, as: UTF8.self)
        )
      }

      static func flat(_ program: [UInt8]) throws -> RealModeGuest {
        try RealModeGuest(program) { path, machine in
          let boot = try LinuxBoot(
            KernelImage(path: path), initrd: nil, commandLine: "", memory: machine.memory, vcpuCount: 1)
          try boot.prepare(machine.vcpus.map(\.vcpu))
        }
      }

      static func firmware(_ image: [UInt8]) throws -> RealModeGuest {
        try RealModeGuest(image) { path, machine in
          let boot = try FirmwareBoot(
            FirmwareImage(path: path), memory: machine.memory, vcpuCount: 1, bootSlots: [])
          try boot.prepare(machine)
        }
      }
    }

    @Test func `a flat binary starts in real mode with all segments at 1000h`() throws {
      let guest = try RealModeGuest.flat([0xF4])
      let special = try guest.machine.vcpus[0].vcpu.specialRegisters()
      for segment in [special.cs, special.ds, special.es, special.fs, special.gs, special.ss] {
        #expect(segment.selector == 0x1000 && segment.base == 0x1_0000 && segment.limit == 0xFFFF)
      }
      #expect(special.cr0 & 0x8000_0001 == 0)
      #expect(special.idt.base == 0)
      let registers = try guest.machine.vcpus[0].vcpu.registers()
      #expect(registers.rip == 0 && registers.rsp == 0x8000 && registers.rflags == 2)
    }

    @Test func `firmware starts at the reset vector below 4 GiB`() throws {
      let guest = try RealModeGuest.firmware(Self.firmware)
      let special = try guest.machine.vcpus[0].vcpu.specialRegisters()
      #expect(special.cs.selector == 0xF000 && special.cs.base == 0xFFFF_0000)
      #expect(special.ds.selector == 0 && special.ds.base == 0)
      #expect(special.cr0 & 0x8000_0001 == 0)
      let registers = try guest.machine.vcpus[0].vcpu.registers()
      #expect(registers.rip == 0xFFF0 && registers.rflags == 2)
    }

    @Test func `a flat binary gets text, sizes and the memory map from the BIOS`() throws {
      let (found, text) = try RealModeGuest.flat(Self.program).run(0x20 + 20 * 8)
      #expect(text == "Hi")
      let words = try (0..<8).map { try #require(found.load(UInt16.self, at: $0 * 2)) }
      #expect(words == [0x1000, 0x1000, 0x8000, 639, 15360, 256, 31744, 0xFFFF])
      #expect(found.load(UInt8.self, at: 16) == 1)
      let map = E820Map(memoryByteCount: Self.memoryByteCount)
      #expect(found.load(UInt16.self, at: 18) == UInt16(0x20 + map.entries.count * 20))
      for (index, entry) in map.entries.enumerated() {
        #expect(found.load(UInt64.self, at: 0x20 + index * 20) == entry.start)
        #expect(found.load(UInt64.self, at: 0x28 + index * 20) == entry.byteCount)
        #expect(found.load(UInt32.self, at: 0x30 + index * 20) == entry.kind.rawValue)
      }
    }

    @Test func `firmware reads its configuration, itself, and a copy below 1 MiB that it may change`() throws
    {
      let (found, _) = try RealModeGuest.firmware(Self.firmware).run(12)
      let code = UInt16(Self.firmware[0]) | UInt16(Self.firmware[1]) << 8
      #expect(Array(found.bytes.prefix(4)) == Array("QEMU".utf8))
      let words = try (2..<6).map { try #require(found.load(UInt16.self, at: $0 * 2)) }
      #expect(words == [code, code, 0x5678, code])
    }
  }
}
