// The image's header, the ring-0 nub, and the few routines that must be assembly.
//
// Ring 0 only takes exceptions and interrupts. It is short because KVM without hardware virtualization emulates
// it one instruction at a time, and avoids what such a KVM does not emulate: SSE, int3, swapgs.
//
// On entry from CPL 3 the processor switches to the ring-0 stack: one aligned page whose lowest word holds the
// address of the worker's block, found by masking RSP. All gates are interrupt gates.

// Same values as Shared/WorkloadLayout.swift.
.set STATE,             0 * 8       // WorkerWord.state
.set FAILURE,           1 * 8       // WorkerWord.failure
.set INTERRUPT_COUNT,   6 * 8       // WorkerWord.interruptCount
.set FAULT,             32 * 8      // WorkerWord.fault
.set STATE_FAILED,      5           // WorkerState.failed
.set FAILURE_EXCEPTION, 1           // WorkerFailure.exception
.set REPORT_PORT,       0xF4        // WorkloadLayout.reportPort

.set STACK_PAGE_MASK,   -4096
.set X2APIC_EOI,        0x80B
.set X2APIC_TIMER,      0x832       // LVT entry; mode 0: one shot
.set X2APIC_COUNT,      0x838       // initial count
.set X2APIC_DIVIDE,     0x83E
.set DIVIDE_BY_ONE,     0x0B
.set INTERRUPT_VECTOR,  0x40        // WorkloadLayout.interruptVector
.set STUB_STRIDE,       16

  .section .header, "a"
  .quad 0x47454D4954584556          // ImageHeader.magic
  .quad guest_main
  .quad exception_stubs
  .quad STUB_STRIDE
  .quad interrupt_stub
  .quad spurious_stub
  .quad image_end

  .text

// void guest_wait_for_interrupt(uint64_t seen): `hlt` raises #GP at CPL 3, and the handler below knows this
// address. Being a call, it leaves RAX, RCX and RDX to the handler.
  .globl guest_wait_for_interrupt
guest_wait_for_interrupt:
  mov   %rdi, %rax
waiting_hlt:
  hlt
  ret

// void guest_sleep(uint64_t seen, uint32_t nanoseconds): the same, and the timer interrupts after that time.
  .globl guest_sleep
guest_sleep:
timed_hlt:
  hlt
  ret

// void guest_prepare_timer(void)
  .globl guest_prepare_timer
guest_prepare_timer:
timer_hlt:
  hlt
  ret

// One stub for each exception, STUB_STRIDE bytes apart: error code (0 where the processor pushes none), vector.
  .balign STUB_STRIDE
exception_stubs:
  .set vector, 0
  .rept 32
  .balign STUB_STRIDE
  .if vector == 13
    jmp   general_protection
  .else
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
      push  $0
    .endif
    push  $vector
    jmp   record_fault
  .endif
  .set vector, vector + 1
  .endr

// #GP: one of the calls above, or a fault. Stack: error code, RIP, CS, RFLAGS, RSP, SS.
general_protection:
  cmpq  $waiting_hlt, 8(%rsp)
  jne   1f
wait_for_interrupt:
  mov   %rsp, %rcx
  and   $STACK_PAGE_MASK, %rcx
  mov   (%rcx), %rcx
  cmp   %rax, INTERRUPT_COUNT(%rcx)
  jne   2f
  // Race-free: `sti` lets interrupts in only after the next instruction. The interrupt stub does not come back
  // here; a spurious one does.
  sti
  hlt
  cli
2:
  pop   %rcx                        // the error code
  incq  (%rsp)                      // past the hlt
  iretq
1:
  cmpq  $timed_hlt, 8(%rsp)
  jne   3f
  mov   $X2APIC_COUNT, %ecx
  mov   %esi, %eax
  xor   %edx, %edx
  wrmsr
  mov   %rdi, %rax
  jmp   wait_for_interrupt
3:
  cmpq  $timer_hlt, 8(%rsp)
  jne   4f
  mov   $X2APIC_DIVIDE, %ecx
  mov   $DIVIDE_BY_ONE, %eax
  xor   %edx, %edx
  wrmsr
  mov   $X2APIC_TIMER, %ecx
  mov   $INTERRUPT_VECTOR, %eax
  xor   %edx, %edx
  wrmsr
  jmp   2b
4:
  push  $13
  jmp   record_fault

// The interrupt of a device.
  .balign 16
interrupt_stub:
  testb $3, 8(%rsp)
  jz    wake
  push  %rax
  push  %rcx
  push  %rdx
  mov   %rsp, %rax
  and   $STACK_PAGE_MASK, %rax
  mov   (%rax), %rax
  incq  INTERRUPT_COUNT(%rax)
  mov   $X2APIC_EOI, %ecx
  xor   %eax, %eax
  xor   %edx, %edx
  wrmsr
  pop   %rdx
  pop   %rcx
  pop   %rax
  iretq

// An interrupt that came at CPL 0 woke the wait call: RCX is the worker's block and the frame's RSP points at the
// wait call's own frame, so return from both at once.
wake:
  incq  INTERRUPT_COUNT(%rcx)
  mov   $X2APIC_EOI, %ecx
  xor   %eax, %eax
  xor   %edx, %edx
  wrmsr
  mov   24(%rsp), %rsp
  pop   %rcx                        // the error code
  incq  (%rsp)                      // past the hlt
  iretq

// A spurious interrupt wants no EOI.
  .balign 16
spurious_stub:
  iretq

// Fills the fault record and stops this worker. Stack: vector, error code, RIP, CS, RFLAGS, RSP, SS.
record_fault:
  push  %rax
  mov   %rsp, %rax
  and   $STACK_PAGE_MASK, %rax
  mov   (%rax), %rax
  mov   %rbx, FAULT + 9 * 8(%rax)
  mov   %rcx, FAULT + 10 * 8(%rax)
  mov   %rdx, FAULT + 11 * 8(%rax)
  mov   %rsi, FAULT + 12 * 8(%rax)
  mov   %rdi, FAULT + 13 * 8(%rax)
  mov   %rbp, FAULT + 14 * 8(%rax)
  mov   %r8,  FAULT + 15 * 8(%rax)
  mov   %r9,  FAULT + 16 * 8(%rax)
  mov   %r10, FAULT + 17 * 8(%rax)
  mov   %r11, FAULT + 18 * 8(%rax)
  mov   %r12, FAULT + 19 * 8(%rax)
  mov   %r13, FAULT + 20 * 8(%rax)
  mov   %r14, FAULT + 21 * 8(%rax)
  mov   %r15, FAULT + 22 * 8(%rax)
  pop   %rbx
  mov   %rbx, FAULT + 8 * 8(%rax)   // RAX
  .set word, 0
  .rept 7                           // vector, error code, RIP, CS, RFLAGS, RSP, SS
  pop   %rbx
  mov   %rbx, FAULT + word * 8(%rax)
  .set word, word + 1
  .endr
  mov   %cr2, %rbx
  mov   %rbx, FAULT + 7 * 8(%rax)
  movq  $FAILURE_EXCEPTION, FAILURE(%rax)
  movq  $STATE_FAILED, STATE(%rax)
  mov   $REPORT_PORT, %edx
  mov   $STATE_FAILED, %eax
  outb  %al, %dx
1:
  cli
  hlt
  jmp   1b

// What the compiler calls for copies and fills.
  .globl memset, memcpy, memmove
memset:
  mov   %rdi, %r8
  mov   %esi, %eax
  mov   %rdx, %rcx
  rep stosb
  mov   %r8, %rax
  ret

memmove:
  mov   %rdi, %rax
  sub   %rsi, %rax
  cmp   %rdx, %rax                  // does the destination start within the source?
  jb    1f
memcpy:
  mov   %rdi, %rax
  mov   %rdx, %rcx
  rep movsb
  ret
1:
  mov   %rdi, %rax
  lea   -1(%rdi, %rdx), %rdi
  lea   -1(%rsi, %rdx), %rsi
  mov   %rdx, %rcx
  std
  rep movsb
  cld
  ret

  .bss
  .balign 64
  .globl guest_shared_words
guest_shared_words:
  .skip 256 * 8                     // GUEST_SHARED_WORD_COUNT

  .section .note.GNU-stack, "", @progbits
