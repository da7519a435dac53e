// Where the kernel starts the program, and the routines that the compiler calls by name.
//
// On entry RSP points to the argument count, the argument pointers, a null, the environment pointers, a null.

  .text
  .globl init_start
init_start:
  xor   %ebp, %ebp
  mov   %rsp, %rdi
  and   $-16, %rsp
  call  init_main
  ud2

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
  cmp   %rdx, %rax
  jb    1f
memcpy:
  mov   %rdi, %rax
  mov   %rdx, %rcx
  rep movsb
  ret
1:                                  // the destination begins within the source: from the end
  mov   %rdi, %rax
  mov   %rdx, %rcx
  lea   -1(%rdi,%rdx), %rdi
  lea   -1(%rsi,%rdx), %rsi
  std
  rep movsb
  cld
  ret

  .section .note.GNU-stack, "", @progbits
