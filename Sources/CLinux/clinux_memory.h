/* Hints to the CPU about memory, for Swift. */
#ifndef CLINUX_MEMORY_H
#define CLINUX_MEMORY_H

#include <stddef.h>

/* Starts to fetch the cache lines of a run into all caches, without waiting. No fault, whatever the address. */
static inline void linux_prefetch(const void *address, size_t byte_count) {
  for (size_t offset = 0; offset < byte_count; offset += 64) __builtin_prefetch((const char *)address + offset, 0, 3);
}

#endif
