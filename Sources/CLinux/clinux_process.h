/* Child processes, and other processes and their threads, for Swift: calls that return a number or -errno. */
#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
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

extern char **environ;
/* Declared by hand, as in clinux_storage.h. */
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *, const char *);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);

static inline int linux_spawn_actions(posix_spawn_file_actions_t *actions, const char *folder, int output, int errors,
                                      const int *descriptors, int count) {
  int result = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
  if (result == 0 && output >= 0) result = posix_spawn_file_actions_adddup2(actions, output, 1);
  if (result == 0 && errors >= 0) result = posix_spawn_file_actions_adddup2(actions, errors, 2);
  for (int index = 0; index < count && result == 0; index++)
    result = posix_spawn_file_actions_adddup2(actions, descriptors[index], 3 + index);
  if (result == 0) result = posix_spawn_file_actions_addclosefrom_np(actions, 3 + count);
  if (result == 0 && folder) result = posix_spawn_file_actions_addchdir_np(actions, folder);
  return result;
}

/* In a process group of its own, so that Ctrl-C is the parent's to pass on; with no signal blocked or ignored. */
static inline int linux_spawn_attributes(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int result = posix_spawnattr_setflags(
      attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (result == 0) result = posix_spawnattr_setpgroup(attributes, 0);
  if (result == 0) result = posix_spawnattr_setsigmask(attributes, &none);
  if (result == 0) result = posix_spawnattr_setsigdefault(attributes, &all);
  return result;
}

/*
 * Starts a program with nothing on its standard input. `environment` and `folder` may be NULL, which means the caller's;
 * `output` and `errors` may be -1, likewise. Of other descriptors it has `count`, each above 3 + count here, from 3 on there.
 */
static inline int linux_spawn(const char *path, char *const *arguments, char *const *environment, const char *folder,
                              int output, int errors, const int *descriptors, int count, int *process) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int result = posix_spawn_file_actions_init(&actions);
  if (result != 0) return -result;
  result = posix_spawnattr_init(&attributes);
  if (result == 0) {
    result = linux_spawn_actions(&actions, folder, output, errors, descriptors, count);
    if (result == 0) result = linux_spawn_attributes(&attributes);
    if (result == 0)
      result = posix_spawn(process, path, &actions, &attributes, arguments, environment ? environment : environ);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  return -result;
}

/* What a new process does before it executes a program: only calls that are safe after the fork of a process with threads. */
static inline void linux_become(const char *path, char *const *arguments, char *const *environment, int output,
                                const int *descriptors, int count, int gate) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  for (int number = 1; number < _NSIG; number++) sigaction(number, &action, NULL);
  int null = open("/dev/null", O_RDONLY);
  if (null < 0 || setpgid(0, 0) < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0) return;
  for (int index = 0; index < count; index++)
    if (dup2(descriptors[index], 3 + index) < 0) return;
  if (close_range(3 + (unsigned)count, ~0U, 0) < 0) return;
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, NULL) < 0) return;
  struct pollfd wait = {.fd = 3 + gate, .events = POLLIN};
  int ready;
  do ready = poll(&wait, 1, -1);
  while (ready < 0 && errno == EINTR);
  char word;
  if (ready == 1 && read(3 + gate, &word, 1) == 1) execve(path, arguments, environment);
}

/*
 * As linux_spawn, but the new process waits for a byte on the descriptor with the index `gate` before it executes the program,
 * and ends if none comes. Its standard output is another than the caller's; folder and standard error are the caller's.
 */
static inline int linux_spawn_at_gate(const char *path, char *const *arguments, char *const *environment, int output,
                                      const int *descriptors, int count, int gate, int *process) {
  sigset_t all, before;
  sigfillset(&all);
  /* No handler of the caller's may run in the new process. */
  int result = pthread_sigmask(SIG_SETMASK, &all, &before);
  if (result != 0) return -result;
  pid_t id = _Fork();
  if (id == 0) {
    linux_become(path, arguments, environment ? environment : environ, output, descriptors, count, gate);
    _exit(127);
  }
  result = id < 0 ? -errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  *process = id;
  return result;
}

/* A copy of a descriptor with a number of at least `lowest`, closed on exec. */
static inline int linux_copy_descriptor(int descriptor, int lowest) {
  int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, lowest);
  return copy < 0 ? -errno : copy;
}

/* 0: it runs; 1: it ended, and `code` is its exit code, or 128 and the signal that ended it. */
static inline int linux_wait_for_process(int process, int blocks, int *code) {
  int status;
  pid_t result;
  do result = waitpid(process, &status, blocks ? 0 : WNOHANG);
  while (result < 0 && errno == EINTR);
  if (result < 0) return -errno;
  if (result == 0) return 0;
  *code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return 1;
}

/* To the process and those that it started and that stayed in its group. */
static inline int linux_signal_group(int process, int signal) { return kill(-process, signal) < 0 ? -errno : 0; }

#endif
