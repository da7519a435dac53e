// The services of a PC's BIOS that real-mode kernels and programs call before they have drivers of their own.
//
// The image lies at F000:E000. It starts with the words of RealModeBIOSImage.Word, from which the host fills the interrupt vector table.
// It is entered by `int`, so that the caller's flags lie on the stack above its return address.

.set SERIAL_DATA,       0x3F8       // COM1
.set SERIAL_STATUS,     0x3FD
.set STATUS_CAN_SEND,   0x20
.set BIOS_DATA,         0x40        // segment
.set BIOS_DATA_KIB,     0x13        // KiB of conventional memory
.set FLAG_CARRY,        0x01
.set FLAG_ZERO,         0x40
.set SMAP,              0x534D4150
.set UNSUPPORTED,       0x86        // AH of a function that is not there
.set MAP_ENTRY_SIZE,    20

  .code16
  .section .header, "a"
  .word ignore                      // vectors that nothing serves
  .word refuse                      // 13h: disks; 1Ah: clock and PCI
  .word video                       // 10h
  .word memory_size                 // 12h
  .word system                      // 15h
  .word keyboard                    // 16h
  .word map                         // where the host writes the memory map

  .text
// Hardware interrupts must not change the flags of the code that they interrupt.
ignore:
  iret

// Answers that there is no such function.
refuse:
  mov   $UNSUPPORTED, %ah
set_carry:
  push  %bp
  mov   %sp, %bp
  orb   $FLAG_CARRY, 6(%bp)         // BP, IP, CS, then the flags
  pop   %bp
  iret
clear_carry:
  push  %bp
  mov   %sp, %bp
  andb  $~FLAG_CARRY, 6(%bp)
  pop   %bp
  iret

// AH = 0Eh writes AL to the first serial port. 03h: the cursor is at the top left; 0Fh: text of 80 columns.
video:
  cmp   $0x0E, %ah
  je    teletype
  cmp   $0x03, %ah
  je    cursor
  cmp   $0x0F, %ah
  jne   ignore
  mov   $0x5003, %ax
  xor   %bh, %bh
  iret
cursor:
  xor   %dx, %dx
  mov   $0x0607, %cx
  iret
teletype:
  push  %ax
  push  %dx
  mov   $SERIAL_STATUS, %dx
1:
  in    (%dx), %al
  test  $STATUS_CAN_SEND, %al
  jz    1b
  pop   %dx
  pop   %ax
  push  %dx
  mov   $SERIAL_DATA, %dx
  out   %al, (%dx)
  pop   %dx
  iret

// AX = KiB of conventional memory.
memory_size:
  push  %ds
  mov   $BIOS_DATA, %ax
  mov   %ax, %ds
  mov   BIOS_DATA_KIB, %ax
  pop   %ds
  iret

system:
  cmp   $0xE820, %ax
  je    memory_map
  cmp   $0xE801, %ax
  je    memory_sizes
  cmp   $0x88, %ah
  jne   refuse
  mov   %cs:above_1_mib, %ax
  jmp   clear_carry
// AX and CX = KiB from 1 MiB to 16 MiB, BX and DX = units of 64 KiB above.
memory_sizes:
  mov   %cs:below_16_mib, %ax
  mov   %cs:above_16_mib, %bx
  mov   %ax, %cx
  mov   %bx, %dx
  jmp   clear_carry
// Entry EBX to ES:DI; EBX = the next one, or 0 behind the last (ACPI 6.5 §15.1).
memory_map:
  cmp   $SMAP, %edx
  jne   refuse
  cmp   $MAP_ENTRY_SIZE, %ecx
  jb    refuse
  movzwl %cs:map, %eax
  cmp   %eax, %ebx
  jae   refuse
  push  %ds
  push  %si
  push  %di
  push  %cs
  pop   %ds
  imul  $MAP_ENTRY_SIZE, %bx, %si
  add   $map_entries, %si
  mov   $MAP_ENTRY_SIZE / 2, %cx
  cld
  rep movsw
  pop   %di
  pop   %si
  pop   %ds
  inc   %ebx
  cmp   %eax, %ebx
  jb    1f
  xor   %ebx, %ebx
1:
  mov   $SMAP, %eax
  mov   $MAP_ENTRY_SIZE, %ecx
  jmp   clear_carry

// There is no keyboard: AH = 01h and 11h find no key (ZF), the others return none.
keyboard:
  and   $0xEF, %ah
  cmp   $0x01, %ah
  mov   $0, %ax
  jne   ignore
  push  %bp
  mov   %sp, %bp
  orb   $FLAG_ZERO, 6(%bp)
  pop   %bp
  iret

// Of RealModeBIOSImage.Word.memoryMap; the host writes them and the entries, which lie behind the image.
  .section .map, "a"
map:
  .word 0                           // number of entries
below_16_mib:
  .word 0
above_16_mib:
  .word 0
above_1_mib:
  .word 0
map_entries:

  .section .note.GNU-stack, "", @progbits
