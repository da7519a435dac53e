/* Filters of system calls. libseccomp, 2.5 or later, compiles them; it is loaded when the first filter is made, so that programs
   without filters need neither it nor the time. Functions return a value >= 0, or -errno. */
#ifndef CSECCOMP_H
#define CSECCOMP_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

/* The functions of libseccomp that are used. */
struct cseccomp_functions {
  __typeof__(seccomp_init) *init;
  __typeof__(seccomp_release) *release;
  __typeof__(seccomp_attr_set) *attr_set;
  __typeof__(seccomp_rule_add_array) *rule_add_array;
  __typeof__(seccomp_export_bpf) *export_bpf;
  __typeof__(seccomp_syscall_resolve_name) *resolve_name;
  __typeof__(seccomp_syscall_resolve_num_arch) *resolve_number;
};

/* Loads the library named as dlopen(3) takes it, for good. Returns NULL, or else why it could not be loaded: a text that lasts
   until the thread's next call of the loader. */
static inline const char *cseccomp_load(const char *name, struct cseccomp_functions *functions) {
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return dlerror();
#define CSECCOMP_FIND(member, symbol)                                        \
  functions->member = (__typeof__(functions->member))dlsym(library, symbol); \
  if (functions->member == NULL) return dlerror();
  CSECCOMP_FIND(init, "seccomp_init")
  CSECCOMP_FIND(release, "seccomp_release")
  CSECCOMP_FIND(attr_set, "seccomp_attr_set")
  CSECCOMP_FIND(rule_add_array, "seccomp_rule_add_array")
  CSECCOMP_FIND(export_bpf, "seccomp_export_bpf")
  CSECCOMP_FIND(resolve_name, "seccomp_syscall_resolve_name")
  CSECCOMP_FIND(resolve_number, "seccomp_syscall_resolve_num_arch")
#undef CSECCOMP_FIND
  return NULL;
}

/* `(argument & mask) == value`. */
struct cseccomp_condition {
  uint32_t argument;
  uint64_t mask;
  uint64_t value;
};

static const uint32_t CSECCOMP_CONDITION_LIMIT = 2;

/* A filter that kills the process at each call, also at calls of other architectures; NULL without memory. */
static inline void *cseccomp_begin(const struct cseccomp_functions *functions) {
  scmp_filter_ctx context = functions->init(SCMP_ACT_KILL_PROCESS);
  if (context == NULL) return NULL;
  if (functions->attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0) return context;
  functions->release(context);
  return NULL;
}

/* Allows the call `name` where all conditions hold, or lets it fail with `error` if that is not zero. */
static inline int cseccomp_add(const struct cseccomp_functions *functions, void *context, const char *name, int error,
                               const struct cseccomp_condition *conditions, uint32_t count) {
  struct scmp_arg_cmp comparisons[2];
  if (count > CSECCOMP_CONDITION_LIMIT) return -EINVAL;
  int number = functions->resolve_name(name);
  if (number == __NR_SCMP_ERROR) return -ENOSYS;
  for (uint32_t index = 0; index < count; index++) {
    comparisons[index].arg = conditions[index].argument;
    comparisons[index].op = SCMP_CMP_MASKED_EQ;
    comparisons[index].datum_a = conditions[index].mask;
    comparisons[index].datum_b = conditions[index].value;
  }
  uint32_t action = error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((uint32_t)error);
  return functions->rule_add_array(context, action, number, count, comparisons);
}

/* Writes the compiled filter to `program`, whose `capacity` is in instructions. Returns their number. */
static inline int cseccomp_compile(const struct cseccomp_functions *functions, void *context, uint64_t *program,
                                   size_t capacity) {
  int file = (int)syscall(SYS_memfd_create, "seccomp", 1u /* MFD_CLOEXEC */);
  if (file < 0) return -errno;
  int result = functions->export_bpf(context, file);
  if (result == 0) {
    ssize_t count = pread(file, program, capacity * sizeof *program, 0);
    if (count < 0) result = -errno;
    else if ((size_t)count == capacity * sizeof *program) result = -E2BIG;
    else result = (int)((size_t)count / sizeof *program);
  }
  close(file);
  return result;
}

static inline void cseccomp_end(const struct cseccomp_functions *functions, void *context) { functions->release(context); }

/* Makes the filter ask the process instead of killing it. */
static inline void cseccomp_ask_instead(uint64_t *program, size_t count) {
  for (size_t index = 0; index < count; index++) {
    struct sock_filter instruction;
    memcpy(&instruction, &program[index], sizeof instruction);
    if (instruction.code != (BPF_RET | BPF_K) || instruction.k != SECCOMP_RET_KILL_PROCESS) continue;
    instruction.k = SECCOMP_RET_USER_NOTIF;
    memcpy(&program[index], &instruction, sizeof instruction);
  }
}

static const uint32_t CSECCOMP_WITH_LISTENER = SECCOMP_FILTER_FLAG_NEW_LISTENER;

/* Puts the filter in front of the calling thread's system calls. Returns a listener if `flags` ask for one. */
static inline int cseccomp_install(const uint64_t *program, uint16_t count, uint32_t flags) {
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

enum { CSECCOMP_NAME_BYTES = 32, CSECCOMP_NAME_COUNT = 512 };

/* The names of all system calls by number, in rows of CSECCOMP_NAME_BYTES, each ended by a zero. */
static inline void cseccomp_fill_names(const struct cseccomp_functions *functions, char *names) {
  memset(names, 0, CSECCOMP_NAME_BYTES * CSECCOMP_NAME_COUNT);
  for (int number = 0; number < CSECCOMP_NAME_COUNT; number++) {
    char *name = functions->resolve_number(SCMP_ARCH_NATIVE, number);
    if (name == NULL) continue;
    strncpy(names + number * CSECCOMP_NAME_BYTES, name, CSECCOMP_NAME_BYTES - 1);
    free(name);
  }
}

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
   `kinds` has `kind_count` rows of CSECCOMP_NAME_BYTES. */
static inline int cseccomp_report(int channel, const char *prefix, const char *names, const char *kinds,
                                  uint32_t kind_count) {
  uint8_t reported[16][CSECCOMP_NAME_COUNT] = {{0}};
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
    if (kind < 16 && number < CSECCOMP_NAME_COUNT && !reported[kind][number]) {
      char line[256];
      int length = snprintf(line, sizeof line, "%sthe %s thread called %s(%#llx, %#llx, %#llx)\n", prefix,
                            kinds + kind * CSECCOMP_NAME_BYTES, names + number * CSECCOMP_NAME_BYTES,
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
