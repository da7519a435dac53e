import Glibc
import Hypervisor
import SystemPackage
import Testing

/// What is taken for a kernel, and what is refused with which words.
@Suite struct BootKernelImageTests {
  /// Opens `bytes` as a kernel, which is refused; returns the message without the path.
  private func refusal(_ bytes: [UInt8]) throws -> String {
    let file = BootImageFile(bytes)
    let error = #expect(throws: BootError.self) { try KernelImage(path: file.path) }
    let message = try #require(error).description
    #expect(message.hasPrefix("kernel \(file.path): "))
    #expect(!message.contains("\n"))
    return String(message.dropFirst("kernel \(file.path): ".count))
  }

  private func changed(_ image: BootImageBytes, _ change: (inout BootImageBytes) -> Void) -> [UInt8] {
    var image = image
    change(&image)
    return image.bytes
  }

  @Test func `a bzImage reports its protocol, its version and its limit`() throws {
    let file = BootImageFile(BootImageBytes.bzImage().bytes)
    let image = try KernelImage(path: file.path)
    #expect(image.path == file.path)
    #expect(image.format == "bzImage, boot protocol 2.15")
    #expect(image.versionText == "6.1.0-test (a@b) #1")
    #expect(image.kernelRelease == "6.1.0-test")
    #expect(image.commandLineLimit == 255)
  }

  @Test func `an ELF kernel shows whether it has a PVH entry, and is searched for its version`() throws {
    let banner = Array("\0Linux version %s\0Linux version 6.9.1 (c@d)\n\0".utf8)
    let plain = BootImageFile(BootImageBytes.elf(payload: banner).bytes)
    let image = try KernelImage(path: plain.path)
    #expect(image.format == "ELF vmlinux")
    #expect(image.kernelRelease == "6.9.1")
    #expect(image.commandLineLimit == 2047)
    let pvh = BootImageFile(BootImageBytes.elf(pvhEntry: 0x100_0010).bytes)
    #expect(try KernelImage(path: pvh.path).format == "ELF vmlinux with a PVH entry")
    #expect(try KernelImage(path: pvh.path).kernelRelease == nil)
  }

  @Test(.enabled(if: DebianKernel.path != nil, "there is no Debian kernel in /boot"))
  func `this machine's Debian kernel is a bzImage with its release`() throws {
    let path = try #require(DebianKernel.path)
    let image = try KernelImage(path: path)
    #expect(image.format.hasPrefix("bzImage, boot protocol 2.1"))
    #expect(path == "/boot/vmlinuz-" + (image.kernelRelease ?? ""))
    #expect(image.commandLineLimit == 2047)
  }

  @Test func `a file that cannot be opened, is not regular, or is empty is refused, and the error names it`()
    throws
  {
    #expect(throws: BootError.cannotOpen(.kernel("/nonexistent/k"), .noSuchFileOrDirectory)) {
      try KernelImage(path: "/nonexistent/k")
    }
    for path in ["/tmp", "/dev/null"] {
      #expect(throws: BootError.notARegularFile(.kernel(path))) { try KernelImage(path: path) }
    }
    let empty = BootImageFile([])
    #expect(throws: BootError.empty(.kernel(empty.path))) { try KernelImage(path: empty.path) }
    #expect(BootError.empty(.kernel("/k")).description == "kernel /k: the file is empty")
  }

  @Test func `a pipe is refused and not waited for`() {
    let path = "/tmp/vext-boot-pipe-\(getpid())"
    #expect(unsafe mkfifo(path, 0o600) == 0)
    defer { unsafe unlink(path) }
    #expect(throws: BootError.notARegularFile(.kernel(path))) { try KernelImage(path: path) }
  }

  @Test func `a file that is not a kernel is refused with its format`() throws {
    #expect(try refusal(Array("#!/bin/sh\n".utf8)).hasPrefix("not a kernel"))
    #expect(try refusal(Array("a kernel\r\n".utf8)).hasPrefix("not a kernel"))
    #expect(
      try refusal(Array("MZ".utf8) + [UInt8](repeating: 0, count: 600)) == "an EFI binary is not supported")
    #expect(
      try refusal([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0]) == "a file of the format xz is not supported")
    #expect(try refusal([0x1F, 0x8B, 8, 0]) == "a gzip-compressed image is not supported")
    let zboot = Array("MZ\0\0zimg".utf8) + [UInt8](repeating: 0, count: 600)
    #expect(try refusal(zboot) == "a compressed EFI image is not supported")
  }

  @Test func `kernels for other processors are refused with the processor's name`() throws {
    let blank = BootImageBytes(bytes: [UInt8](repeating: 0, count: 1024))
    let arm = changed(blank) { $0.set(0x644D_5241 as UInt32, at: 56) }
    #expect(try refusal(arm) == "a kernel for ARM64, not for x86-64")
    let riscv = changed(blank) { $0.set(0x0543_5352 as UInt32, at: 56) }
    #expect(try refusal(riscv) == "a kernel for RISC-V, not for x86-64")
    let elf = BootImageBytes.elf()
    #expect(try refusal(changed(elf) { $0.set(183 as UInt16, at: 18) }).contains("ARM64"))
    #expect(try refusal(changed(elf) { $0.set(9999 as UInt16, at: 18) }).contains("ELF machine 9999"))
    let bigEndian = changed(elf) {
      $0.set(2 as UInt8, at: 5)
      $0.set((22 as UInt16).byteSwapped, at: 18)
    }
    #expect(try refusal(bigEndian).contains("S390"))
  }

  @Test func `a bzImage without a 64-bit entry, or of an older protocol, starts in real mode`() throws {
    let bzImage = BootImageBytes.bzImage()
    let without = BootImageFile(changed(bzImage) { $0.set(0b10 as UInt16, at: 0x236) })
    #expect(try KernelImage(path: without.path).format == "bzImage, boot protocol 2.15, real mode")
    for version in [0x0202, 0x0206, 0x020B] as [UInt16] {
      let old = BootImageFile(changed(bzImage) { $0.set(version, at: 0x206) })
      let image = try KernelImage(path: old.path)
      #expect(image.format == "bzImage, boot protocol 2.\(version & 0xFF), real mode")
      #expect(image.kernelRelease == "6.1.0-test")
      #expect(image.commandLineLimit == 255)
      #expect(!image.isFlatBinary)
    }
    #expect(try refusal(changed(bzImage) { $0.set(0x0201 as UInt16, at: 0x206) }).contains("2.1 is older"))
    let old = changed(bzImage) { $0.set(0x0206 as UInt16, at: 0x206) }
    #expect(
      try refusal(changed(BootImageBytes(bytes: old)) { $0.set(64 as UInt8, at: 0x1F1) }).contains(
        "64 sectors"))
    #expect(try refusal(Array(old.prefix(1024))).hasPrefix("truncated"))
    #expect(try refusal(changed(bzImage) { $0.set(0 as UInt8, at: 0x211) }).contains("zImage"))
    #expect(
      try refusal(changed(BootImageBytes(bytes: old)) { $0.set(0 as UInt8, at: 0x211) }).contains("zImage"))
  }

  @Test func `a file without a format is a flat binary, if it fits below 640 KiB`() throws {
    for bytes in [[0xF4], [UInt8](repeating: 0, count: 4096), Array("text\0".utf8)] as [[UInt8]] {
      let file = BootImageFile(bytes)
      let image = try KernelImage(path: file.path)
      #expect(image.format == "flat real-mode binary")
      #expect(image.isFlatBinary && image.kernelRelease == nil && image.commandLineLimit == 0)
    }
    let most = 0x9_FC00 - 0x1_0000
    #expect(try refusal([UInt8](repeating: 0x90, count: most + 1)).contains("at most \(most)"))
  }

  @Test func `ELF kernels without a 64-bit entry are refused`() throws {
    let noLongMode = "a kernel for 32-bit x86, without a 64-bit entry"
    let elf = BootImageBytes.elf()
    #expect(try refusal(changed(elf) { $0.set(3 as UInt16, at: 18) }) == noLongMode)
    #expect(try refusal(BootImageBytes.elf32(pvhEntry: nil).bytes) == noLongMode)
    #expect(try refusal(changed(elf) { $0.set(1 as UInt8, at: 4) }) == noLongMode)
  }

  @Test(arguments: [0x206, 0x250, 0x264, 1024, 1024 + 0x200, 1024 + 0x3F0])
  func `a bzImage that was cut off is refused`(byteCount: Int) throws {
    #expect(
      try refusal(Array(BootImageBytes.bzImage().bytes.prefix(byteCount))).hasPrefix(
        "truncated: \(byteCount) bytes"))
  }

  @Test(arguments: [4, 63, 64, 100, 512, 575])
  func `an ELF kernel that was cut off is refused`(byteCount: Int) throws {
    #expect(
      try refusal(Array(BootImageBytes.elf().bytes.prefix(byteCount))).hasPrefix(
        "truncated: \(byteCount) bytes"))
  }

  @Test func `a bzImage that contradicts itself is refused`() throws {
    let image = BootImageBytes.bzImage()
    #expect(try refusal(changed(image) { $0.set(3 as UInt32, at: 0x230) }).contains("is not a power of two"))
    #expect(try refusal(changed(image) { $0.set(UInt64.max, at: 0x258) }).contains("above 4 GiB"))
    #expect(try refusal(changed(image) { $0.set(0x10 as UInt8, at: 0x201) }).contains("setup header"))
    #expect(try refusal(changed(image) { $0.set(0xFF as UInt8, at: 0x201) }).contains("setup header"))
    let fixed = changed(image) {
      $0.set(0 as UInt8, at: 0x234)
      $0.set(0x1000 as UInt64, at: 0x258)
    }
    #expect(try refusal(fixed).contains("below 1 MiB"))
    let wrapping = changed(image) {
      $0.set(0 as UInt8, at: 0x234)
      $0.set(UInt64.max - 0xFFF, at: 0x258)
    }
    #expect(try refusal(wrapping).contains("wraps around"))
  }

  @Test func `an ELF kernel that contradicts itself is refused`() throws {
    let image = BootImageBytes.elf()
    #expect(try refusal(changed(image) { $0.set(UInt64.max - 8, at: 32) }).hasPrefix("truncated"))
    #expect(try refusal(changed(image) { $0.set(32 as UInt16, at: 54) }).contains("program header"))
    #expect(try refusal(changed(image) { $0.set(0 as UInt16, at: 56) }).contains("program header"))
    #expect(try refusal(changed(image) { $0.set(UInt16.max, at: 56) }).contains("program header"))
    #expect(try refusal(changed(image) { $0.set(3 as UInt16, at: 16) }).contains("fixed-address"))
    #expect(try refusal(changed(image) { $0.set(6 as UInt32, at: 64) }).contains("nothing to load"))
    #expect(try refusal(changed(image) { $0.set(UInt64.max, at: 72) }).hasPrefix("truncated"))
    #expect(try refusal(changed(image) { $0.set(0x1000 as UInt64, at: 88) }).contains("below 1 MiB"))
    #expect(try refusal(changed(image) { $0.set(UInt64.max - 8, at: 88) }).contains("wraps around"))
    #expect(try refusal(changed(image) { $0.set(63 as UInt64, at: 104) }).contains("more bytes in the file"))
    #expect(try refusal(changed(image) { $0.set(0x200_0000 as UInt64, at: 24) }).contains("entry 0x2000000"))
    #expect(try refusal(BootImageBytes.elf(pvhEntry: 0x1000).bytes).contains("entry 0x1000"))
  }

  @Test func `a 32-bit kernel with a PVH note is taken`() throws {
    let file = BootImageFile(BootImageBytes.elf32(pvhEntry: 0x10_0010).bytes)
    #expect(try KernelImage(path: file.path).format == "ELF vmlinux with a PVH entry")
    let outside = BootImageBytes.elf32(pvhEntry: 0x1000).bytes
    #expect(try refusal(outside).contains("entry 0x1000"))
  }

  /// Notes of such a segment are padded to 8 bytes each, or to 4.
  @Test(arguments: [8, 4])
  func `a PVH note is found in a segment of alignment 8`(padding: Int) throws {
    var image = BootImageBytes.elf(pvhEntry: 0x100_0010)
    image.set(8 as UInt64, at: 64 + 56 + 48)
    image.bytes.replaceSubrange(256..<320, with: [UInt8](repeating: 0, count: 64))
    image.setNote(at: 256, name: "Lin", type: 1, value: [1])
    image.setNote(at: 256 + 16 + padding, name: "Xen", type: 18, value: [0x10, 0, 0, 1])
    let file = BootImageFile(image.bytes)
    #expect(try KernelImage(path: file.path).format == "ELF vmlinux with a PVH entry")
  }

  @Test func `the last paragraph of a bzImage may be shorter`() throws {
    let bytes = BootImageBytes.bzImage().bytes
    for missing in 1...15 {
      let file = BootImageFile(Array(bytes.dropLast(missing)))
      #expect(try KernelImage(path: file.path).format == "bzImage, boot protocol 2.15")
    }
    #expect(try refusal(Array(bytes.dropLast(16))).hasPrefix("truncated"))
  }

  @Test func `a malformed note gives no PVH entry`() throws {
    for change in [
      { $0.set(UInt32.max, at: 256) }, { $0.set(UInt32.max, at: 260) }, { $0.set("Xex", at: 292) },
      { $0.set(17 as UInt32, at: 288) },
    ] as [(inout BootImageBytes) -> Void] {
      let file = BootImageFile(changed(BootImageBytes.elf(pvhEntry: 0x100_0000), change))
      #expect(try KernelImage(path: file.path).format == "ELF vmlinux")
    }
  }
}
