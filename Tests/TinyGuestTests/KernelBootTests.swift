import CKVM
import Glibc
import HostSystem
import Hypervisor
import Testing
import VextProtocol

extension TinyGuests {
  /// Kernels of a few bytes, started as ``LinuxBoot`` starts them; they store what they find at 2_0000h.
  @Suite struct KernelBootTests {
    private static let results: UInt64 = 0x2_0000
    private static let loadAddress: UInt64 = 0x100_0000

    /// Stores RSI, CS, DS, SS, CR0, CR3, CR4, EFER, IA32_MTRR_DEF_TYPE, IA32_MISC_ENABLE, and EBX of CPUID leaf 1.
    private static let longModeKernel: [UInt8] = [
      0x48, 0x89, 0x34, 0x25, 0x00, 0x00, 0x02, 0x00,  // mov  %rsi, 0x20000
      0x8C, 0xC8,  //                                     mov  %cs, %eax
      0x89, 0x04, 0x25, 0x08, 0x00, 0x02, 0x00,  //       mov  %eax, 0x20008
      0x8C, 0xD8,  //                                     mov  %ds, %eax
      0x89, 0x04, 0x25, 0x10, 0x00, 0x02, 0x00,  //       mov  %eax, 0x20010
      0x8C, 0xD0,  //                                     mov  %ss, %eax
      0x89, 0x04, 0x25, 0x18, 0x00, 0x02, 0x00,  //       mov  %eax, 0x20018
      0x0F, 0x20, 0xC0,  //                               mov  %cr0, %rax
      0x48, 0x89, 0x04, 0x25, 0x20, 0x00, 0x02, 0x00,  // mov  %rax, 0x20020
      0x0F, 0x20, 0xD8,  //                               mov  %cr3, %rax
      0x48, 0x89, 0x04, 0x25, 0x28, 0x00, 0x02, 0x00,  // mov  %rax, 0x20028
      0x0F, 0x20, 0xE0,  //                               mov  %cr4, %rax
      0x48, 0x89, 0x04, 0x25, 0x30, 0x00, 0x02, 0x00,  // mov  %rax, 0x20030
      0xB9, 0x80, 0x00, 0x00, 0xC0,  //                   mov  $0xc0000080, %ecx
      0x0F, 0x32,  //                                     rdmsr
      0x89, 0x04, 0x25, 0x38, 0x00, 0x02, 0x00,  //       mov  %eax, 0x20038
      0xB9, 0xFF, 0x02, 0x00, 0x00,  //                   mov  $0x2ff, %ecx
      0x0F, 0x32,  //                                     rdmsr
      0x89, 0x04, 0x25, 0x40, 0x00, 0x02, 0x00,  //       mov  %eax, 0x20040
      0xB9, 0xA0, 0x01, 0x00, 0x00,  //                   mov  $0x1a0, %ecx
      0x0F, 0x32,  //                                     rdmsr
      0x89, 0x04, 0x25, 0x48, 0x00, 0x02, 0x00,  //       mov  %eax, 0x20048
      0xB8, 0x01, 0x00, 0x00, 0x00,  //                   mov  $1, %eax
      0x31, 0xC9,  //                                     xor  %ecx, %ecx
      0x0F, 0xA2,  //                                     cpuid
      0x89, 0x1C, 0x25, 0x50, 0x00, 0x02, 0x00,  //       mov  %ebx, 0x20050
      0xB0, 0xF4,  //                                     mov  $0xf4, %al
      0xE6, 0xF4,  //                                     out  %al, $0xf4
      0xF4,  //                                        1: hlt
      0xEB, 0xFD,  //                                     jmp  1b
    ]

    /// 32-bit: stores EBX, CS, DS, CR0, and the first word that EBX points to.
    private static let protectedModeKernel: [UInt8] = [
      0x89, 0x1D, 0x00, 0x00, 0x02, 0x00,  // mov  %ebx, 0x20000
      0x8C, 0xC8,  //                         mov  %cs, %eax
      0xA3, 0x08, 0x00, 0x02, 0x00,  //       mov  %eax, 0x20008
      0x8C, 0xD8,  //                         mov  %ds, %eax
      0xA3, 0x10, 0x00, 0x02, 0x00,  //       mov  %eax, 0x20010
      0x0F, 0x20, 0xC0,  //                   mov  %cr0, %eax
      0xA3, 0x18, 0x00, 0x02, 0x00,  //       mov  %eax, 0x20018
      0x8B, 0x03,  //                         mov  (%ebx), %eax
      0xA3, 0x20, 0x00, 0x02, 0x00,  //       mov  %eax, 0x20020
      0xE6, 0xF4,  //                         out  %al, $0xf4
      0xF4,  //                            1: hlt
      0xEB, 0xFD,  //                         jmp  1b
    ]

    /// A machine that boots `image`, an image of a kernel's bytes.
    private final class KernelGuest {
      let machine: Machine
      let boot: LinuxBoot
      private let doneDevice = AccessRecorder()

      init(_ image: [UInt8], vcpuCount: Int) throws {
        let file = GuestImageFile(image, name: "tiny-kernel")
        defer { file.remove() }
        machine = try Machine(
          MachineConfiguration(name: "kernel", memoryByteCount: 32 << 20, vcpuCount: vcpuCount),
          system: KVMSystem())
        #expect(machine.portBus.insert(doneDevice, start: 0xF4, byteCount: 1))
        boot = try LinuxBoot(
          KernelImage(path: file.path), initrd: nil, commandLine: "tiny", memory: machine.memory,
          vcpuCount: vcpuCount)
        try boot.prepare(machine.vcpus.map(\.vcpu))
      }

      deinit { machine.stop() }

      /// Runs until the kernel says that it is done, and returns what it stored.
      func run(_ wordCount: Int) throws -> [UInt64] {
        try machine.start()
        TinyGuest.waitForAccess(to: doneDevice, by: machine)
        machine.stop()
        return try (0..<UInt64(wordCount)).map {
          try machine.memory.load(UInt64.self, at: GuestAddress(KernelBootTests.results + $0 * 8))
        }
      }
    }

    @Test(arguments: [1, 2])
    func `a bzImage starts in 64-bit mode as the boot protocol promises`(vcpuCount: Int) throws {
      let guest = try KernelGuest(Self.bzImage(Self.longModeKernel), vcpuCount: vcpuCount)
      #expect(guest.boot.firstInstruction == GuestAddress(Self.loadAddress + 0x200))
      let found = try guest.run(11)
      try #require(found.count == 11)
      #expect(found[0] == BootLayout.zeroPage.rawValue)
      #expect(Array(found[1...3]) == [0x10, 0x18, 0x18])
      #expect(found[4] & 0x8000_0001 == 0x8000_0001)  // paging, protected mode
      #expect(found[5] == BootLayout.pageTables.rawValue)
      #expect(found[6] & 1 << 5 != 0)  // physical address extension
      #expect(found[7] & 0x500 == 0x500)  // long mode enabled and active
      #expect(found[8] == 0x806)  // MTRRs on, write-back
      #expect(found[9] & 1 == 1)  // fast strings
      #expect(found[10] >> 16 == UInt64(vcpuCount))  // APIC ID 0, as many logical processors
      let flags = try guest.machine.vcpus[0].vcpu.registers().rflags
      #expect(flags & 1 << 9 == 0)
      // The other vCPU waits for its start-up message where a reset leaves it.
      for runner in guest.machine.vcpus.dropFirst() {
        #expect(try runner.vcpu.registers().rip == 0xFFF0)
        #expect(runner.outcome == .stopped)
      }
    }

    @Test func `an ELF kernel starts in 64-bit mode at its entry`() throws {
      let guest = try KernelGuest(Self.elf(Self.longModeKernel), vcpuCount: 1)
      #expect(guest.boot.firstInstruction == GuestAddress(Self.loadAddress))
      let found = try guest.run(3)
      #expect(found == [BootLayout.zeroPage.rawValue, 0x10, 0x18])
    }

    @Test func `a PVH kernel starts in 32-bit protected mode with its start info`() throws {
      let guest = try KernelGuest(Self.elf(Self.protectedModeKernel, isPVH: true), vcpuCount: 1)
      let found = try guest.run(5)
      try #require(found.count == 5)
      #expect(Array(found[0...2]) == [BootLayout.pvhStartInfo.rawValue, 0x10, 0x18])
      #expect(found[3] & 0x8000_0001 == 1)  // protected mode, no paging
      #expect(found[4] == 0x336E_C578)
    }

    @Test func `a 32-bit PVH kernel starts like a 64-bit one`() throws {
      let guest = try KernelGuest(Self.elf32(Self.protectedModeKernel), vcpuCount: 1)
      let found = try guest.run(5)
      #expect(found.first == BootLayout.pvhStartInfo.rawValue)
      #expect(found.last == 0x336E_C578)
    }

    /// One setup sector, protocol 2.15, and `code` at the 64-bit entry.
    private static func bzImage(_ code: [UInt8]) -> [UInt8] {
      var image = [UInt8](repeating: 0, count: 1024 + 0x200) + code + [UInt8](repeating: 0, count: 16)
      put(&image, 0x1F1, [1])
      put(&image, 0x1FE, [0x55, 0xAA, 0xEB, 0x6A] + Array("HdrS".utf8) + [0x0F, 0x02])
      put(&image, 0x211, [1])
      put(&image, 0x22C, [0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0x20, 0, 1, 0, 1, 0, 0xFF])
      put(&image, 0x258, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0])
      return image
    }

    /// One segment, and where asked for the note that names its start as the PVH entry.
    private static func elf(_ code: [UInt8], isPVH: Bool = false) -> [UInt8] {
      var image = [UInt8](repeating: 0, count: 512) + code
      put(&image, 0, [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1])
      put(&image, 16, [2, 0, 62, 0, 1])
      put(&image, 24, [0, 0, 0, 1])  // entry
      put(&image, 32, [64])
      put(&image, 54, [56, 0, isPVH ? 2 : 1])
      put(&image, 64, [1])
      put(&image, 72, [0, 2])  // offset
      put(&image, 88, [0, 0, 0, 1])  // physical address
      put(&image, 96, [UInt8(code.count)])
      put(&image, 104, [0, 0x10])  // bytes in memory
      if isPVH {
        put(&image, 120, [4])
        put(&image, 128, [0, 1])
        put(&image, 152, [20])
        put(&image, 256, [4, 0, 0, 0, 4, 0, 0, 0, 18, 0, 0, 0] + Array("Xen\0".utf8) + [0, 0, 0, 1])
      }
      return image
    }

    /// A 32-bit executable with the note that names its start as the PVH entry.
    private static func elf32(_ code: [UInt8]) -> [UInt8] {
      var image = [UInt8](repeating: 0, count: 512) + code
      put(&image, 0, [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1])
      put(&image, 16, [2, 0, 3, 0, 1])
      put(&image, 28, [52])
      put(&image, 42, [32, 0, 2])
      put(&image, 52, [1, 0, 0, 0, 0, 2, 0, 0])  // to load, at offset 512
      put(&image, 64, [0, 0, 0, 1, UInt8(code.count), 0, 0, 0, 0, 0x10])
      put(&image, 84, [4, 0, 0, 0, 0, 1, 0, 0])  // notes at offset 256
      put(&image, 100, [20, 0, 0, 0, 20])
      put(&image, 256, [4, 0, 0, 0, 4, 0, 0, 0, 18, 0, 0, 0] + Array("Xen\0".utf8) + [0, 0, 0, 1])
      return image
    }

    private static func put(_ image: inout [UInt8], _ offset: Int, _ bytes: [UInt8]) {
      image.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }
  }
}
