// NUMA memory policy by system calls, because libnuma inspects the whole machine when a process starts, which
// takes a third of a millisecond. Every function returns a value >= 0, or -errno.
#ifndef CNUMA_H
#define CNUMA_H

#include <errno.h>
#include <linux/mempolicy.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

// The widest node mask that Linux can be built for (CONFIG_NODES_SHIFT <= 10).
#define CNUMA_MAXIMUM_NODES 1024
#define CNUMA_BITS_PER_WORD (8 * sizeof(unsigned long))

// Pages of the range come from `node` alone; pages that are there already are moved.
static inline int cnuma_bind(void *base, size_t byte_count, int node) {
  unsigned long mask[CNUMA_MAXIMUM_NODES / CNUMA_BITS_PER_WORD] = {0};
  if (node < 0 || node >= CNUMA_MAXIMUM_NODES) return -EINVAL;
  mask[(size_t)node / CNUMA_BITS_PER_WORD] = 1UL << ((size_t)node % CNUMA_BITS_PER_WORD);
  // mbind takes the number of bits plus one.
  long result = syscall(
      SYS_mbind, base, byte_count, MPOL_BIND, mask, CNUMA_MAXIMUM_NODES + 1, MPOL_MF_MOVE);
  return result < 0 ? -errno : 0;
}

// The node of the page at `address`; the page is faulted in.
static inline int cnuma_node_of_page(void *address) {
  int node = -1;
  long result = syscall(SYS_get_mempolicy, &node, NULL, 0, address, MPOL_F_NODE | MPOL_F_ADDR);
  return result < 0 ? -errno : node;
}

#endif
