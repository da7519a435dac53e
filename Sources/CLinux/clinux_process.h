/* Other processes and their threads, for Swift: calls that return a number or -errno. */
#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* By number: Glibc has no names for these before 2.36. */
static inline int linux_process_open(pid_t process) {
  long descriptor = syscall(SYS_pidfd_open, process, 0);
  return descriptor < 0 ? -errno : (int)descriptor;
}

/* A copy of another process's descriptor, closed on exec. */
static inline int linux_process_take(int process, int descriptor) {
  long copy = syscall(SYS_pidfd_getfd, process, descriptor, 0);
  return copy < 0 ? -errno : (int)copy;
}

static inline int linux_set_affinity_of(pid_t thread, const void *mask, size_t mask_byte_count) {
  return sched_setaffinity(thread, mask_byte_count, (const cpu_set_t *)mask) < 0 ? -errno : 0;
}

static inline int linux_affinity_of(pid_t thread, void *mask, size_t mask_byte_count) {
  return sched_getaffinity(thread, mask_byte_count, (cpu_set_t *)mask) < 0 ? -errno : 0;
}

#endif
