// What Swift cannot say: the instructions of a system call and of a port write, and the kernel's structures with their
// exact layout on x86-64.
#pragma once

#include <stdint.h>

#define INIT_INLINE static inline __attribute__((always_inline))

/// One system call: its result, or -errno.
INIT_INLINE int64_t init_system_call(int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {
  register uint64_t fourth __asm__("r10") = d;
  register uint64_t fifth __asm__("r8") = e;
  register uint64_t sixth __asm__("r9") = 0;
  int64_t result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "rcx", "r11", "memory");
  return result;
}

/// Reserves memory: mmap, whose sixth argument is zero.
INIT_INLINE int64_t init_map_memory(uint64_t byte_count) {
  // PROT_READ | PROT_WRITE; MAP_PRIVATE | MAP_ANONYMOUS.
  return init_system_call(9, 0, byte_count, 3, 0x22, (uint64_t)-1);
}

INIT_INLINE void init_out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

/// struct stat
struct init_status {
  uint64_t device, inode, link_count;
  uint32_t mode, user, group, padding;
  uint64_t special_device;
  int64_t byte_count;
  uint64_t rest[11];
};

/// struct iovec
struct init_segment {
  const void *_Nullable base;
  uint64_t byte_count;
};

/// struct timespec
struct init_time {
  int64_t seconds, nanoseconds;
};

/// struct termios as the system calls have it
struct init_terminal_modes {
  uint32_t input, output, control, local;
  uint8_t discipline;
  uint8_t characters[19];
};

/// struct winsize
struct init_window {
  uint16_t rows, columns, width, height;
};

/// struct sockaddr_in
struct init_socket_address {
  uint16_t family, port;
  uint32_t address;
  uint64_t zero;
};

/// struct ifreq, with the members of its union that are used here
struct init_interface {
  uint64_t name[2];
  union {
    struct init_socket_address address;
    uint16_t flags;
  };
  uint64_t rest;
};

/// struct rtentry
struct init_route {
  uint64_t padding;
  struct init_socket_address destination, gateway, mask;
  uint16_t flags, metric_padding;
  uint64_t more_padding[2];
  int16_t metric;
  const void *_Nullable device;
  uint64_t mtu, window;
  uint16_t round_trip;
};

_Static_assert(sizeof(struct init_status) == 144, "struct stat");
_Static_assert(sizeof(struct init_terminal_modes) == 36, "struct termios");
_Static_assert(sizeof(struct init_interface) == 40, "struct ifreq");
_Static_assert(sizeof(struct init_route) == 120, "struct rtentry");
