/* A process with a root, namespaces and a user of its own, for Swift: calls that return a number or -errno. The mount calls are made
   by number, because the C library's functions and headers for them are newer than Debian 12's kernel. */
#ifndef CLINUX_JAIL_H
#define CLINUX_JAIL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINUX_SYS_OPEN_TREE 428
#define LINUX_SYS_MOVE_MOUNT 429
#define LINUX_SYS_PIDFD_OPEN 434
#define LINUX_SYS_CLOSE_RANGE 436
#define LINUX_SYS_MOUNT_SETATTR 442

/* MOUNT_ATTR_* of linux/mount.h. */
static const uint64_t LINUX_MOUNT_READ_ONLY = 1 << 0;
static const uint64_t LINUX_MOUNT_NO_SET_ID = 1 << 1;
static const uint64_t LINUX_MOUNT_NO_DEVICES = 1 << 2;
static const uint64_t LINUX_MOUNT_NO_PROGRAMS = 1 << 3;

/* CLONE_NEW* of linux/sched.h, by number: their names depend on who includes sched.h first. */
static const int LINUX_NEW_MOUNTS = 0x00020000;
static const int LINUX_NEW_CONTROL_GROUPS = 0x02000000;
static const int LINUX_NEW_HOST_NAME = 0x04000000;
static const int LINUX_NEW_IPC = 0x08000000;
static const int LINUX_NEW_PROCESSES = 0x20000000;
static const int LINUX_NEW_NETWORK = 0x40000000;

/* Declared by hand: whether Glibc's headers show them depends on who includes them first. */
extern int clearenv(void);
extern int setgroups(size_t, const gid_t *);
extern int setresgid(gid_t, gid_t, gid_t);
extern int setresuid(uid_t, uid_t, uid_t);
static const int LINUX_FROM_KERNEL = 0x80;              /* SI_KERNEL */
static const unsigned LINUX_OF_DESCRIPTOR = 0x1000;     /* AT_EMPTY_PATH */
static const int LINUX_LIMIT_OF_MESSAGES = 12;          /* RLIMIT_MSGQUEUE */

/* CGROUP2_SUPER_MAGIC of linux/magic.h. */
static const int64_t LINUX_CONTROL_GROUP_MAGIC = 0x63677270;

/* The numbers of the user `name` and of its group; -ENOENT if there is no such user. */
static inline int linux_find_user(const char *name, uint32_t *user, uint32_t *group) {
  char buffer[16384];
  struct passwd entry, *found = NULL;
  int result = getpwnam_r(name, &entry, buffer, sizeof buffer, &found);
  if (!found) return result == 0 || result == ESRCH ? -ENOENT : -result;
  *user = entry.pw_uid;
  *group = entry.pw_gid;
  return 0;
}

/* Moves the calling process, which has one thread, into new namespaces; one of processes is for its children. */
static inline int linux_leave_namespaces(int flags) { return syscall(SYS_unshare, flags) < 0 ? -errno : 0; }

/* The signals that a supervisor passes on, and the one for the child's end. */
static inline sigset_t linux_supervised_signals(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGCHLD);
  return signals;
}

/*
 * Forks a process of one thread, as the first process of a namespace. Returns its number to the supervisor, which holds back its
 * signals from then on, and 0 to the child, with a descriptor of the supervisor in `supervisor`.
 */
static inline int linux_fork_supervised(int *supervisor) {
  sigset_t signals = linux_supervised_signals(), before;
  int descriptor = (int)syscall(LINUX_SYS_PIDFD_OPEN, getpid(), 0);
  if (descriptor < 0) return -errno;
  sigprocmask(SIG_BLOCK, &signals, &before);
  pid_t child = syscall(SYS_unshare, LINUX_NEW_PROCESSES) < 0 ? -1 : fork();
  int error = errno;
  if (child <= 0) sigprocmask(SIG_SETMASK, &before, NULL);
  if (child != 0) close(descriptor);
  if (child == 0) *supervisor = descriptor;
  return child < 0 ? -error : child;
}

/* The calling process is killed when its supervisor ends; at once if that has happened. Again after each change of user. */
static inline int linux_end_with_supervisor(int supervisor) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return -errno;
  struct pollfd ended = {supervisor, POLLIN, 0};
  if (poll(&ended, 1, 0) > 0) _exit(1);
  return 0;
}

/* Closes every descriptor of the calling process but the first three. */
static inline int linux_close_all(void) { return syscall(LINUX_SYS_CLOSE_RANGE, 3, ~0U, 0) < 0 ? -errno : 0; }

/* Passes signals on to the child, and waits for its end. Returns its exit code, or 256 and the signal that ended it. */
static inline int linux_supervise(int child) {
  sigset_t signals = linux_supervised_signals();
  for (;;) {
    siginfo_t information;
    int signal = sigwaitinfo(&signals, &information), status = 0;
    if (signal < 0 && errno != EINTR) return -errno;
    /* The terminal's own signals reach the child too, as one of the group in front. */
    if (signal > 0 && signal != SIGCHLD && information.si_code != LINUX_FROM_KERNEL) kill(child, signal);
    pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended < 0 && errno != EINTR) return -errno;
    if (ended == child) return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
  }
}

/* Ends the calling process by `signal`, without a core file. */
static inline void linux_end_by_signal(int signal) {
  struct rlimit none = {0, 0};
  sigset_t only;
  setrlimit(RLIMIT_CORE, &none);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, NULL);
  sigemptyset(&only);
  sigaddset(&only, signal);
  sigprocmask(SIG_UNBLOCK, &only, NULL);
  kill(getpid(), signal);
}

/* Lowers a limit of the process for good, as far as it is above `most`. */
static inline int linux_lower_limit(int resource, uint64_t most) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) < 0) return -errno;
  if (limit.rlim_max > most) limit.rlim_max = most;
  if (limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
  return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

static inline int linux_lower_core_limit(void) { return linux_lower_limit(RLIMIT_CORE, 0); }
static inline int linux_lower_descriptor_limit(uint64_t most) { return linux_lower_limit(RLIMIT_NOFILE, most); }
static inline int linux_lower_message_limit(void) { return linux_lower_limit(LINUX_LIMIT_OF_MESSAGES, 0); }

/* struct mount_attr of linux/mount.h. */
struct linux_mount_change {
  uint64_t set, clear, propagation, user_namespace;
};

/* A copy of the mount at `path`, or of what is below `path` there, that is attached nowhere; `is_recursive`: with the mounts below it. */
static inline int linux_copy_mount(const char *path, int is_recursive, uint64_t attributes) {
  const unsigned clone = 1, recursive = 0x8000;
  struct linux_mount_change change = {attributes, 0, 1 << 18 /* MS_PRIVATE */, 0};
  unsigned flags = is_recursive ? recursive : 0;
  int tree = (int)syscall(LINUX_SYS_OPEN_TREE, AT_FDCWD, path, clone | O_CLOEXEC | flags);
  if (tree < 0) return -errno;
  if (syscall(LINUX_SYS_MOUNT_SETATTR, tree, "", LINUX_OF_DESCRIPTOR | flags, &change, sizeof change) < 0) {
    int error = errno;
    close(tree);
    return -error;
  }
  return tree;
}

/* Attaches a copy of a mount at `path`, which is a directory exactly if the copy's root is one. */
static inline int linux_attach_mount(int tree, const char *path) {
  const unsigned empty_source = 4;
  return syscall(LINUX_SYS_MOVE_MOUNT, tree, "", AT_FDCWD, path, empty_source) < 0 ? -errno : 0;
}

/* Mounts a file system without set-user-ID programs, programs and devices. */
static inline int linux_mount_plain(const char *type, const char *path, const char *options) {
  unsigned long flags = 2 | 4 | 8; /* MS_NOSUID, MS_NODEV, MS_NOEXEC */
  return syscall(SYS_mount, type, path, type, flags, options) < 0 ? -errno : 0;
}

/* Keeps the mounts of the calling process's namespace to itself. */
static inline int linux_keep_mounts_private(void) {
  return syscall(SYS_mount, NULL, "/", NULL, 0x4000 | 1 << 18 /* MS_REC | MS_PRIVATE */, NULL) < 0 ? -errno : 0;
}

/* Makes the mount at `path` the root of all processes of the namespace, and lets go of the one before. */
static inline int linux_change_root(const char *path) {
  if (chdir(path) < 0) return -errno;
  /* The new root comes to lie upon the old one, so that no folder for the old one is needed. */
  if (syscall(SYS_pivot_root, ".", ".") < 0) return -errno;
  if (syscall(SYS_umount2, ".", 2 /* MNT_DETACH */) < 0) return -errno;
  return chdir("/") < 0 ? -errno : 0;
}

/* Forbids changes of the root's own file system through its mount, and programs, set-user-ID bits and devices there. */
static inline int linux_seal_root(void) {
  struct linux_mount_change change = {
      LINUX_MOUNT_READ_ONLY | LINUX_MOUNT_NO_SET_ID | LINUX_MOUNT_NO_DEVICES | LINUX_MOUNT_NO_PROGRAMS, 0, 0, 0};
  return syscall(LINUX_SYS_MOUNT_SETATTR, AT_FDCWD, "/", 0, &change, sizeof change) < 0 ? -errno : 0;
}

static inline int linux_change_directory(const char *path) { return chdir(path) < 0 ? -errno : 0; }

/* Overwrites and removes all variables but the time zone, which is not read again where it stays the same. */
static inline int linux_clear_environment(void) {
  const char *zone = getenv("TZ");
  char *kept = zone ? strdup(zone) : NULL;
  if (zone && !kept) return -ENOMEM;
  extern char **environ;
  for (char **variable = environ; variable && *variable; variable++) memset(*variable, 0, strlen(*variable));
  clearenv();
  int result = kept ? setenv("TZ", kept, 1) : 0;
  free(kept);
  return result < 0 ? -ENOMEM : 0;
}

/* Makes the calling process one of another user, without further groups, that has of root's capabilities those in `kept`. */
static inline int linux_become_user(uint32_t user, uint32_t group, uint64_t kept) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return -errno;
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -errno;
  if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0) return -errno;
  if (syscall(SYS_capget, &header, sets) < 0) return -errno;
  for (int half = 0; half < 2; half++) {
    sets[half].permitted &= (uint32_t)(kept >> (32 * half));
    sets[half].effective = sets[half].permitted;
    sets[half].inheritable = 0;
  }
  if (syscall(SYS_capset, &header, sets) < 0) return -errno;
  return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ? -errno : 0;
}

#endif
