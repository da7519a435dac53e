/// The guests, as bytes with their disassembly. All run in 64-bit mode at CPL 3; RDI and RSI are arguments.
enum GuestCode {
  /// Says that it is done on port F4h, and spins.
  static let done: [UInt8] = [
    0xBA, 0xF4, 0x00, 0x00, 0x00,  // mov  $0xf4, %edx
    0xEE,  //                         out  %al, (%dx)
    0xEB, 0xFE,  //              1:   jmp  1b
  ]

  /// Writes 1, 2 and 4 bytes to port SI, then reads as many and stores RAX at RDI each time.
  static let accessPort: [UInt8] =
    [
      0x89, 0xF2,  //                   mov  %esi, %edx
      0xB8, 0x11, 0x22, 0x33, 0x44,  // mov  $0x44332211, %eax
      0xEE,  //                         out  %al, (%dx)
      0x66, 0xEF,  //                   out  %ax, (%dx)
      0xEF,  //                         out  %eax, (%dx)
      0x31, 0xC0,  //                   xor  %eax, %eax
      0xEC,  //                         in   (%dx), %al
      0x48, 0x89, 0x07,  //             mov  %rax, (%rdi)
      0x31, 0xC0,  //                   xor  %eax, %eax
      0x66, 0xED,  //                   in   (%dx), %ax
      0x48, 0x89, 0x47, 0x08,  //       mov  %rax, 8(%rdi)
      0xED,  //                         in   (%dx), %eax
      0x48, 0x89, 0x47, 0x10,  //       mov  %rax, 16(%rdi)
    ] + done

  /// Writes 1, 2, 4 and 8 bytes to the address in RSI, then reads as many and stores RAX at RDI each time.
  static let accessMemory: [UInt8] =
    [
      0x48, 0xB8, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,  // movabs $0x8877665544332211, %rax
      0x88, 0x06,  //             mov  %al, (%rsi)
      0x66, 0x89, 0x06,  //       mov  %ax, (%rsi)
      0x89, 0x06,  //             mov  %eax, (%rsi)
      0x48, 0x89, 0x06,  //       mov  %rax, (%rsi)
      0x31, 0xC0,  //             xor  %eax, %eax
      0x8A, 0x06,  //             mov  (%rsi), %al
      0x48, 0x89, 0x07,  //       mov  %rax, (%rdi)
      0x31, 0xC0,  //             xor  %eax, %eax
      0x66, 0x8B, 0x06,  //       mov  (%rsi), %ax
      0x48, 0x89, 0x47, 0x08,  // mov  %rax, 8(%rdi)
      0x8B, 0x06,  //             mov  (%rsi), %eax
      0x48, 0x89, 0x47, 0x10,  // mov  %rax, 16(%rdi)
      0x48, 0x8B, 0x06,  //       mov  (%rsi), %rax
      0x48, 0x89, 0x47, 0x18,  // mov  %rax, 24(%rdi)
    ] + done

  /// Writes three times to the address in RSI.
  static let writeThreeTimes: [UInt8] =
    [
      0xB9, 0x03, 0x00, 0x00, 0x00,  //    mov  $3, %ecx
      0x89, 0x0E,  //                 1:   mov  %ecx, (%rsi)
      0xFF, 0xC9,  //                      dec  %ecx
      0x75, 0xFA,  //                      jne  1b
    ] + done

  /// Writes a hundred times to port 500h.
  static let writePortHundredTimes: [UInt8] =
    [
      0xBA, 0x00, 0x05, 0x00, 0x00,  //    mov  $0x500, %edx
      0xB9, 0x64, 0x00, 0x00, 0x00,  //    mov  $100, %ecx
      0xEE,  //                       1:   out  %al, (%dx)
      0xFF, 0xC9,  //                      dec  %ecx
      0x75, 0xFB,  //                      jne  1b
    ] + done

  /// Writes the 16-bit numbers 3, 2, 1 and 0 to port 500h.
  static let writeNumbersToPort: [UInt8] =
    [
      0xBA, 0x00, 0x05, 0x00, 0x00,  //    mov  $0x500, %edx
      0xB8, 0x03, 0x00, 0x00, 0x00,  //    mov  $3, %eax
      0x66, 0xEF,  //                 1:   out  %ax, (%dx)
      0xFF, 0xC8,  //                      dec  %eax
      0x79, 0xFA,  //                      jns  1b
    ] + done

  /// Executes an undefined instruction.
  static let undefinedInstruction: [UInt8] = [
    0x0F, 0x0B,  // ud2
    0xEB, 0xFE,  // 1: jmp 1b
  ]

  /// Reads address 0, which is not mapped.
  static let nullDereference: [UInt8] = [
    0x48, 0x8B, 0x04, 0x25, 0x00, 0x00, 0x00, 0x00,  // mov  0, %rax
    0xEB, 0xFE,  //                                1:   jmp  1b
  ]

  /// Spins for ever.
  static let spin: [UInt8] = [
    0xEB, 0xFE,  // 1: jmp 1b
  ]

  /// Executes HLT, which is a general protection fault at CPL 3.
  static let haltAtUserLevel: [UInt8] = [
    0xF4,  //       hlt
    0xEB, 0xFE,  // 1: jmp 1b
  ]

  /// Ring 0: waits for ever, with interrupts on. For the gate of #GP.
  static let waitInRing0: [UInt8] = [
    0xFB,  //    1:   sti
    0xF4,  //         hlt
    0xEB, 0xFC,  //   jmp 1b
  ]

  /// Where ``countInterrupt`` counts.
  static let interruptCounter: UInt64 = 0x3_0000

  /// Ring 0: counts an interrupt, ends it at the local APIC (x2APIC register 80Bh), and returns.
  static let countInterrupt: [UInt8] = [
    0x50,  //                                           push %rax
    0x51,  //                                           push %rcx
    0x52,  //                                           push %rdx
    0x48, 0xFF, 0x04, 0x25, 0x00, 0x00, 0x03, 0x00,  // incq 0x30000
    0xB9, 0x0B, 0x08, 0x00, 0x00,  //                   mov  $0x80b, %ecx
    0x31, 0xC0,  //                                     xor  %eax, %eax
    0x31, 0xD2,  //                                     xor  %edx, %edx
    0x0F, 0x30,  //                                     wrmsr
    0x5A,  //                                           pop  %rdx
    0x59,  //                                           pop  %rcx
    0x58,  //                                           pop  %rax
    0x48, 0xCF,  //                                     iretq
  ]
}
