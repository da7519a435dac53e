/* The memory of the program itself, for Swift. */
#ifndef CLINUX_PROGRAM_H
#define CLINUX_PROGRAM_H

#include <elf.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Whether a debugger may have written breakpoints into the code; also where that cannot be known. */
static inline int linux_is_traced(void) {
  char text[1024];
  int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 1;
  ssize_t count = read(file, text, sizeof text - 1);
  close(file);
  if (count < 0) return 1;
  text[count] = 0;
  return strstr(text, "\nTracerPid:\t0\n") == NULL;
}

/* The program or a library: what struct dl_phdr_info of link.h begins with, which other headers may have hidden. */
struct linux_loaded_object {
  Elf64_Addr address;
  const char *name;
  const Elf64_Phdr *parts;
  Elf64_Half part_count;
};

int linux_iterate_objects(int (*visit)(struct linux_loaded_object *, size_t, void *), void *context) __asm__("dl_iterate_phdr");

static inline int linux_unmap_code_pages(struct linux_loaded_object *object, size_t size, void *page_byte_count) {
  (void)size;
  const uintptr_t mask = *(const uintptr_t *)page_byte_count - 1;
  for (int index = 0; index < object->part_count; index++) {
    const Elf64_Phdr *part = &object->parts[index];
    /* Parts that were written to have relocated addresses in them. */
    if (part->p_type != PT_LOAD || (part->p_flags & PF_W)) continue;
    uintptr_t start = (object->address + part->p_vaddr + mask) & ~mask;
    uintptr_t end = (object->address + part->p_vaddr + part->p_filesz) & ~mask;
    /* Only advice: where it fails the pages stay. */
    if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
  }
  return 0;
}

/* Gives back the pages of code and constants, of the program and its libraries, that were used so far, and free heap memory. What is
   used again comes from the page cache. Does nothing under a debugger. */
static inline void linux_release_used_code(void) {
  uintptr_t page_byte_count = (uintptr_t)sysconf(_SC_PAGESIZE);
  malloc_trim(0);
  if (!linux_is_traced()) linux_iterate_objects(linux_unmap_code_pages, &page_byte_count);
}

#endif
