/// Guests to be paused and looked into.
extension GuestCode {
  /// Counts at RDI for ever.
  static let count: [UInt8] = [
    0x48, 0xFF, 0x07,  // 1: incq (%rdi)
    0xEB, 0xFB,  //          jmp  1b
  ]

  /// Stores the TSC at RDI for ever.
  static let storeTSC: [UInt8] = [
    0x0F, 0x31,  //             1: rdtsc
    0x48, 0xC1, 0xE2, 0x20,  //    shl   $32, %rdx
    0x48, 0x09, 0xC2,  //          or    %rax, %rdx
    0x48, 0x89, 0x17,  //          mov   %rdx, (%rdi)
    0xEB, 0xF2,  //                jmp   1b
  ]

  /// Reads port SI 2,000 times; counts at RDI and adds the bytes up at RDI+8.
  static let countPortReads: [UInt8] =
    [
      0x89, 0xF2,  //                      mov  %esi, %edx
      0xB9, 0xD0, 0x07, 0x00, 0x00,  //    mov  $2000, %ecx
      0x31, 0xC0,  //                 1:   xor  %eax, %eax
      0xEC,  //                            in   (%dx), %al
      0x48, 0xFF, 0x07,  //                incq (%rdi)
      0x48, 0x01, 0x47, 0x08,  //          add  %rax, 8(%rdi)
      0xFF, 0xC9,  //                      dec  %ecx
      0x75, 0xF2,  //                      jne  1b
    ] + done

  /// Sets RAX to zero, reads port SI into AL and starts again.
  static let readPortForever: [UInt8] = [
    0x89, 0xF2,  //    mov  %esi, %edx
    0x31, 0xC0,  // 1: xor  %eax, %eax
    0xEC,  //          in   (%dx), %al
    0xEB, 0xFB,  //    jmp  1b
  ]

  /// Reads a byte from port SI and stores it at RDI.
  static let readPort: [UInt8] =
    [
      0x89, 0xF2,  //       mov   %esi, %edx
      0x31, 0xC0,  //       xor   %eax, %eax
      0xEC,  //             in    (%dx), %al
      0x48, 0x89, 0x07,  // mov   %rax, (%rdi)
    ] + done

  /// Writes 1 or 2 bytes to a port and spins.
  static func writePort(_ port: UInt16, _ value: UInt16, byteCount: Int) -> [UInt8] {
    [
      0xBA, UInt8(port & 0xFF), UInt8(port >> 8), 0x00, 0x00,  //    mov  $port, %edx
      0xB8, UInt8(value & 0xFF), UInt8(value >> 8), 0x00, 0x00,  //  mov  $value, %eax
    ] + (byteCount == 1 ? [0xEE] : [0x66, 0xEF])  //                 out  %al or %ax, (%dx)
      + spin
  }

  /// Ring 0: counts an NMI and returns.
  static let countNMI: [UInt8] = [
    0x48, 0xFF, 0x04, 0x25, 0x00, 0x00, 0x03, 0x00,  // incq 0x30000
    0x48, 0xCF,  //                                     iretq
  ]
}
