#include "AllocationCounter.h"

#include <errno.h>
#include <stddef.h>

// glibc's own entry points, under names that stay when the public ones are replaced.
extern void *__libc_malloc(size_t byte_count);
extern void *__libc_calloc(size_t count, size_t byte_count);
extern void *__libc_realloc(void *memory, size_t byte_count);
extern void *__libc_memalign(size_t alignment, size_t byte_count);

// Each thread counts for itself: tests run side by side.
static _Thread_local uint64_t count;

uint64_t allocation_count(void) { return count; }

void *malloc(size_t byte_count) {
  count++;
  return __libc_malloc(byte_count);
}

void *calloc(size_t element_count, size_t byte_count) {
  count++;
  return __libc_calloc(element_count, byte_count);
}

void *realloc(void *memory, size_t byte_count) {
  count++;
  return __libc_realloc(memory, byte_count);
}

void *memalign(size_t alignment, size_t byte_count) {
  count++;
  return __libc_memalign(alignment, byte_count);
}

void *aligned_alloc(size_t alignment, size_t byte_count) {
  count++;
  return __libc_memalign(alignment, byte_count);
}

int posix_memalign(void **memory, size_t alignment, size_t byte_count) {
  if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
  count++;
  void *result = __libc_memalign(alignment, byte_count);
  if (result == NULL) return ENOMEM;
  *memory = result;
  return 0;
}
