// What Swift cannot say: single instructions, accesses of an exact width, and names from Entry.S.
//
// Memory is mapped one to one, so every address here is virtual and guest-physical at once.
#pragma once

#include <stdint.h>

// Each of these is one instruction: a call would cost more than it does.
#define GUEST_INLINE static inline __attribute__((always_inline))

/// Ticks, read when every earlier load is done: without the fence the processor reads the counter while it still
/// waits for the answer that is being timed.
GUEST_INLINE uint64_t guest_ticks(void) {
  __builtin_ia32_lfence();
  return __builtin_ia32_rdtsc();
}

/// Tells the processor that this is a loop that waits.
GUEST_INLINE void guest_pause(void) { __builtin_ia32_pause(); }

/// Orders earlier stores before later loads.
GUEST_INLINE void guest_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/// Sleeps until an interrupt comes; returns at once if the worker's interrupt count is not `seen` any more.
void guest_wait_for_interrupt(uint64_t seen);

/// Sleeps until an interrupt comes, for at most `nanoseconds`; returns at once if the worker's interrupt count is not `seen`
/// any more. Needs ``guest_prepare_timer``.
void guest_sleep(uint64_t seen, uint32_t nanoseconds);

/// Lets the local APIC's timer count nanoseconds (KVM's APICs have a clock of 1 GHz) and raise the devices' interrupt.
void guest_prepare_timer(void);

/// Words that all workers share, zero at the start.
extern uint64_t guest_shared_words[];
#define GUEST_SHARED_WORD_COUNT 256

/// The address of the shared words.
GUEST_INLINE void *_Nonnull guest_shared_base(void) { return guest_shared_words; }

GUEST_INLINE void guest_out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

GUEST_INLINE void guest_out32(uint16_t port, uint32_t value) {
  __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

GUEST_INLINE uint32_t guest_in32(uint16_t port) {
  uint32_t value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

// Accesses of exactly one width, never merged, split or left out; acquire and release cost nothing on x86.
#define GUEST_ACCESS(width)                                                                   \
  GUEST_INLINE uint##width##_t guest_load##width(uint64_t address) {                          \
    return __atomic_load_n((volatile uint##width##_t *)address, __ATOMIC_ACQUIRE);            \
  }                                                                                           \
  GUEST_INLINE void guest_store##width(uint64_t address, uint##width##_t value) {             \
    __atomic_store_n((volatile uint##width##_t *)address, value, __ATOMIC_RELEASE);           \
  }

GUEST_ACCESS(8)
GUEST_ACCESS(16)
GUEST_ACCESS(32)
GUEST_ACCESS(64)
#undef GUEST_ACCESS
