import Foundation

/// An ELF vmlinux of one segment whose code is a few instructions of 64-bit mode.
enum TinyKernel {
  /// cli; hlt; jmp to the hlt: halts for good.
  static let halting: [UInt8] = [0xFA, 0xF4, 0xEB, 0xFD]
  /// mov dx, 0CF9h; mov al, 6; out dx, al; hlt: resets the machine.
  static let resetting: [UInt8] = [0x66, 0xBA, 0xF9, 0x0C, 0xB0, 0x06, 0xEE, 0xF4]
  /// mov dx, 3F8h; mov al, 'X'; out dx, al: writes to the console; and then resets the machine.
  static let writing: [UInt8] = [0x66, 0xBA, 0xF8, 0x03, 0xB0, 0x58, 0xEE] + resetting
  /// ud2, and no interrupt table: a triple fault.
  static let faulting: [UInt8] = [0x0F, 0x0B]

  /// The file's contents; `machine` is 62 for x86-64.
  static func file(_ code: [UInt8], machine: UInt16 = 62) -> Data {
    let (headerByteCount, base) = (64 + 56, 0x100_0000)
    var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    // e_type EXEC, e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, e_ehsize, e_phentsize, e_phnum, no sections.
    bytes += number(2, 2) + number(Int(machine), 2) + number(1, 4) + number(base + headerByteCount, 8)
    bytes += number(64, 8) + number(0, 8) + number(0, 4) + number(64, 2) + number(56, 2) + number(1, 2)
    bytes += number(0, 6)
    // p_type LOAD, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align.
    bytes += number(1, 4) + number(7, 4) + number(0, 8) + number(base, 8) + number(base, 8)
    bytes += number(headerByteCount + code.count, 8) + number(8192, 8) + number(4096, 8)
    return Data(bytes + code)
  }

  /// `value` in little-endian order.
  private static func number(_ value: Int, _ byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
