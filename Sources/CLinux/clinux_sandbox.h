/* What a process gives up for good, for Swift: failures are -errno. Landlock's system calls and structures are spelt here,
   because the C library has no functions for them and Debian's headers lack the newer rights. */
#ifndef CLINUX_SANDBOX_H
#define CLINUX_SANDBOX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINUX_SYS_LANDLOCK_CREATE_RULESET 444
#define LINUX_SYS_LANDLOCK_ADD_RULE 445
#define LINUX_SYS_LANDLOCK_RESTRICT_SELF 446
#define LINUX_LANDLOCK_CREATE_RULESET_VERSION 1
#define LINUX_LANDLOCK_RULE_PATH_BENEATH 1

/* LANDLOCK_ACCESS_FS_*: what is written beside a right is the ABI that brought it; the others came with 1. */
static const uint64_t LINUX_LANDLOCK_EXECUTE = 1 << 0;
static const uint64_t LINUX_LANDLOCK_WRITE_FILE = 1 << 1;
static const uint64_t LINUX_LANDLOCK_READ_FILE = 1 << 2;
static const uint64_t LINUX_LANDLOCK_READ_DIRECTORY = 1 << 3;
static const uint64_t LINUX_LANDLOCK_REMOVE_DIRECTORY = 1 << 4;
static const uint64_t LINUX_LANDLOCK_REMOVE_FILE = 1 << 5;
static const uint64_t LINUX_LANDLOCK_MAKE_CHARACTER_DEVICE = 1 << 6;
static const uint64_t LINUX_LANDLOCK_MAKE_DIRECTORY = 1 << 7;
static const uint64_t LINUX_LANDLOCK_MAKE_FILE = 1 << 8;
static const uint64_t LINUX_LANDLOCK_MAKE_SOCKET = 1 << 9;
static const uint64_t LINUX_LANDLOCK_MAKE_FIFO = 1 << 10;
static const uint64_t LINUX_LANDLOCK_MAKE_BLOCK_DEVICE = 1 << 11;
static const uint64_t LINUX_LANDLOCK_MAKE_SYMBOLIC_LINK = 1 << 12;
static const uint64_t LINUX_LANDLOCK_REFER = 1 << 13;        /* 2 */
static const uint64_t LINUX_LANDLOCK_TRUNCATE = 1 << 14;     /* 3 */
static const uint64_t LINUX_LANDLOCK_IOCTL_DEVICE = 1 << 15; /* 5 */
/* LANDLOCK_ACCESS_NET_*: 4 */
static const uint64_t LINUX_LANDLOCK_BIND_TCP = 1 << 0;
static const uint64_t LINUX_LANDLOCK_CONNECT_TCP = 1 << 1;
/* LANDLOCK_SCOPE_*: 6 */
static const uint64_t LINUX_LANDLOCK_SCOPE_ABSTRACT_SOCKET = 1 << 0;
static const uint64_t LINUX_LANDLOCK_SCOPE_SIGNAL = 1 << 1;

struct linux_landlock_ruleset {
  uint64_t handled_files;
  uint64_t handled_network;
  uint64_t scoped;
};

/* The version of Landlock's interface; -ENOSYS or -EOPNOTSUPP where the kernel has none or it is switched off. */
static inline int linux_landlock_version(void) {
  long result = syscall(LINUX_SYS_LANDLOCK_CREATE_RULESET, NULL, 0, LINUX_LANDLOCK_CREATE_RULESET_VERSION);
  return result < 0 ? -errno : (int)result;
}

/* A descriptor of a new ruleset. A kernel that knows fewer fields takes the structure if they are zero. */
static inline int linux_landlock_create(uint64_t files, uint64_t network, uint64_t scoped) {
  struct linux_landlock_ruleset ruleset = {files, network, scoped};
  long result = syscall(LINUX_SYS_LANDLOCK_CREATE_RULESET, &ruleset, sizeof ruleset, 0);
  return result < 0 ? -errno : (int)result;
}

/* Allows `access` to what `path` stands for and to all below it. Of the rights to a file only those that a file has count. */
static inline int linux_landlock_allow(int ruleset, int path, uint64_t access) {
  struct {
    uint64_t allowed;
    int32_t parent;
  } __attribute__((packed)) rule = {access, path};
  struct stat status;
  if (fstat(path, &status) < 0) return -errno;
  if (!S_ISDIR(status.st_mode)) {
    rule.allowed &= LINUX_LANDLOCK_EXECUTE | LINUX_LANDLOCK_WRITE_FILE | LINUX_LANDLOCK_READ_FILE
        | LINUX_LANDLOCK_TRUNCATE | LINUX_LANDLOCK_IOCTL_DEVICE;
  }
  if (rule.allowed == 0) return 0;
  long result = syscall(LINUX_SYS_LANDLOCK_ADD_RULE, ruleset, LINUX_LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  return result < 0 ? -errno : 0;
}

/* Restricts the calling thread and all that it starts from now on; needs no_new_privs. */
static inline int linux_landlock_restrict(int ruleset) {
  return syscall(LINUX_SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0) < 0 ? -errno : 0;
}

/* Programs that the calling thread starts get no more rights than it has, set-user-ID or not. */
static inline int linux_forbid_new_privileges(void) {
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static inline int linux_new_privileges_are_forbidden(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1; }

/* Takes every capability that is not in `kept` from the calling thread; bit n is capability n. */
static inline int linux_limit_capabilities(uint64_t kept) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  if (syscall(SYS_capget, &header, sets) < 0) return -errno;
  for (int half = 0; half < 2; half++) {
    sets[half].permitted &= (uint32_t)(kept >> (32 * half));
    sets[half].effective &= sets[half].permitted;
    sets[half].inheritable = 0;
  }
  if (syscall(SYS_capset, &header, sets) < 0) return -errno;
  return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ? -errno : 0;
}

/* The calling thread's effective capabilities, none of which has the number 63, or -errno. */
static inline int64_t linux_effective_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  if (syscall(SYS_capget, &header, sets) < 0) return -errno;
  return (int64_t)((uint64_t)sets[1].effective << 32 | sets[0].effective);
}

/* Leaves memory out of core dumps. */
static inline int linux_leave_out_of_dumps(void *base, size_t byte_count) {
  return madvise(base, byte_count, MADV_DONTDUMP) < 0 ? -errno : 0;
}

#endif
