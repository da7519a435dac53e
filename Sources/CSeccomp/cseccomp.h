/* Filters of system calls (seccomp(2)): the words of their programs, and what the kernel does with them. Functions return a value
   >= 0, or -errno. */
#ifndef CSECCOMP_H
#define CSECCOMP_H

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "cseccomp_names.h"

/* What a program reads of a call: its number, its architecture, and the first of its arguments, of 8 bytes each. */
static const uint32_t CSECCOMP_NUMBER_OFFSET = offsetof(struct seccomp_data, nr);
static const uint32_t CSECCOMP_ARCHITECTURE_OFFSET = offsetof(struct seccomp_data, arch);
static const uint32_t CSECCOMP_ARGUMENTS_OFFSET = offsetof(struct seccomp_data, args);
static const uint32_t CSECCOMP_ARGUMENT_COUNT = 6;

static const uint32_t CSECCOMP_ARCHITECTURE = AUDIT_ARCH_X86_64;
static const uint32_t CSECCOMP_INSTRUCTION_LIMIT = BPF_MAXINSNS;

/* What a program answers. */
static const uint32_t CSECCOMP_ALLOW = SECCOMP_RET_ALLOW;
static const uint32_t CSECCOMP_KILL = SECCOMP_RET_KILL_PROCESS;
static const uint32_t CSECCOMP_ASK = SECCOMP_RET_USER_NOTIF;
static const uint32_t CSECCOMP_FAIL = SECCOMP_RET_ERRNO;

/* Instructions: load a word of the call, mask it, compare it (equal; at least), jump, answer. */
static const uint16_t CSECCOMP_LOAD = BPF_LD | BPF_W | BPF_ABS;
static const uint16_t CSECCOMP_MASK = BPF_ALU | BPF_AND | BPF_K;
static const uint16_t CSECCOMP_COMPARE = BPF_JMP | BPF_JEQ | BPF_K;
static const uint16_t CSECCOMP_COMPARE_ORDER = BPF_JMP | BPF_JGE | BPF_K;
static const uint16_t CSECCOMP_JUMP = BPF_JMP | BPF_JA;
static const uint16_t CSECCOMP_ANSWER = BPF_RET | BPF_K;

static const uint32_t CSECCOMP_WITH_LISTENER = SECCOMP_FILTER_FLAG_NEW_LISTENER;

/* Puts the filter in front of the calling thread's system calls. Returns a listener if `flags` ask for one. */
static inline int cseccomp_install(const struct sock_filter *program, uint16_t count, uint32_t flags) {
  struct sock_fprog filter = {count, (struct sock_filter *)(uintptr_t)program};
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  return result < 0 ? -errno : (int)result;
}

/* Lets the C library read now what it would read at some later moment: the number of CPUs, which malloc takes from /sys for its
   ninth thread, and the time zone. */
static inline void cseccomp_prepare_library(void) {
  mallopt(M_ARENA_MAX, 8 * get_nprocs());
  tzset();
}

/* 1 if the kernel has filters that kill the process (Linux 4.14). */
static inline int cseccomp_is_available(void) {
  uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

enum { CSECCOMP_LABEL_BYTES = 32, CSECCOMP_CALL_LIMIT = 512 };

/* What a thread writes to the reporter's channel when it has installed a filter with a listener. */
struct cseccomp_announcement {
  int32_t listener;
  uint32_t kind;
};

/* A pipe: its reading end, then its writing end. */
static inline int cseccomp_make_channel(int ends[2]) { return syscall(SYS_pipe2, ends, O_CLOEXEC) < 0 ? -errno : 0; }

static inline int cseccomp_announce(int channel, int listener, uint32_t kind) {
  struct cseccomp_announcement announcement = {listener, kind};
  ssize_t count = write(channel, &announcement, sizeof announcement);
  return count == sizeof announcement ? 0 : count < 0 ? -errno : -EIO;
}

/* Writes a line for the first call of each number by each kind of thread, and lets every call happen. Returns if the kernel
   refuses. A thread that waits for the answer may hold any lock of the process, so that nothing here may allocate or lock.
   `kinds` has `kind_count` rows of CSECCOMP_LABEL_BYTES. */
static inline int cseccomp_report(int channel, const char *prefix, const char *kinds, uint32_t kind_count) {
  uint8_t reported[16][CSECCOMP_CALL_LIMIT] = {{0}};
  int poll = epoll_create1(EPOLL_CLOEXEC);
  if (poll < 0) return -errno;
  struct epoll_event event = {EPOLLIN, {.u64 = UINT64_MAX}};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, channel, &event) < 0) return -errno;
  for (;;) {
    if (epoll_wait(poll, &event, 1, -1) < 1) {
      if (errno == EINTR) continue;
      return -errno;
    }
    if (event.data.u64 == UINT64_MAX) {
      struct cseccomp_announcement new;
      if (read(channel, &new, sizeof new) != sizeof new || new.kind >= kind_count) continue;
      event.events = EPOLLIN;
      event.data.u64 = (uint64_t)new.kind << 32 | (uint32_t)new.listener;
      if (epoll_ctl(poll, EPOLL_CTL_ADD, new.listener, &event) < 0) return -errno;
      continue;
    }
    int listener = (int)(uint32_t)event.data.u64;
    uint32_t kind = (uint32_t)(event.data.u64 >> 32);
    /* The kernel's structures may have grown since this was compiled. */
    union {
      struct seccomp_notif notification;
      uint8_t bytes[512];
    } request = {.bytes = {0}};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0) {
      /* Its threads have ended. Otherwise the thread was interrupted in the meantime and asks again. */
      if (event.events & (EPOLLHUP | EPOLLERR)) close(listener);
      continue;
    }
    const struct seccomp_data *call = &request.notification.data;
    uint32_t number = (uint32_t)call->nr;
    if (kind < 16 && number < CSECCOMP_CALL_LIMIT && !reported[kind][number]) {
      char line[256];
      int length = snprintf(line, sizeof line, "%sthe %s thread called %s(%#llx, %#llx, %#llx)\n", prefix,
                            kinds + kind * CSECCOMP_LABEL_BYTES, cseccomp_name(number),
                            (unsigned long long)call->args[0], (unsigned long long)call->args[1],
                            (unsigned long long)call->args[2]);
      /* Where nobody reads it, nothing happens. */
      if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0) reported[kind][number] = 0;
      else reported[kind][number] = 1;
    }
    union {
      struct seccomp_notif_resp response;
      uint8_t bytes[512];
    } answer = {.bytes = {0}};
    answer.response.id = request.notification.id;
    answer.response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    /* It fails where the thread was interrupted in the meantime: it asks again. */
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
}

#endif
