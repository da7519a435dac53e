/* Child processes for Swift: posix_spawn(3) and waitpid(2), which return -errno. */
#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
/* Declared by hand, as in clinux_storage.h. */
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *, const char *);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);

static inline int linux_spawn_actions(posix_spawn_file_actions_t *actions, const char *folder, int output, int errors) {
  int result = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
  if (result == 0 && output >= 0) result = posix_spawn_file_actions_adddup2(actions, output, 1);
  if (result == 0 && errors >= 0) result = posix_spawn_file_actions_adddup2(actions, errors, 2);
  if (result == 0) result = posix_spawn_file_actions_addclosefrom_np(actions, 3);
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
 * `output` and `errors` may be -1, likewise. It has no other descriptor.
 */
static inline int linux_spawn(const char *path, char *const *arguments, char *const *environment, const char *folder,
                              int output, int errors, int *process) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int result = posix_spawn_file_actions_init(&actions);
  if (result != 0) return -result;
  result = posix_spawnattr_init(&attributes);
  if (result == 0) {
    result = linux_spawn_actions(&actions, folder, output, errors);
    if (result == 0) result = linux_spawn_attributes(&attributes);
    if (result == 0)
      result = posix_spawn(process, path, &actions, &attributes, arguments, environment ? environment : environ);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  return -result;
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
