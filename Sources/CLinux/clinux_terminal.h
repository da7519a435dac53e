// Terminals, pseudo-terminals and consoles of any kind for Swift. Every function that can fail returns -errno.
#ifndef CLINUX_TERMINAL_H
#define CLINUX_TERMINAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

// glibc declares these only with feature macros, which the first includer of a header decides.
extern int posix_openpt(int flags);
extern int unlockpt(int descriptor);
extern int ptsname_r(int descriptor, char *buffer, size_t byte_count);
extern int on_exit(void (*function)(int, void *), void *context);

// MARK: Descriptors

// Opens what `descriptor` refers to once more, nonblocking: O_NONBLOCK is then not seen by other processes that have
// the same open file. A socket cannot be opened again (-ENXIO).
static inline int linux_reopen_nonblocking(int descriptor, int access_mode) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  int result;
  do result = open(path, access_mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

static inline int linux_duplicate(int descriptor) {
  int result = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  return result < 0 ? -errno : result;
}

static inline int linux_descriptor_is_regular_file(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

// Writes unless poll(2) says that there is no room (-EAGAIN). A reader that has gone away is -EPIPE, without SIGPIPE.
static inline ssize_t linux_write_if_ready(int descriptor, const void *bytes, size_t byte_count) {
  struct pollfd watched = {.fd = descriptor, .events = POLLOUT};
  if (poll(&watched, 1, 0) == 0) return -EAGAIN;
  sigset_t pipe_signal, old;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &old);
  ssize_t result;
  do result = write(descriptor, bytes, byte_count);
  while (result < 0 && errno == EINTR);
  ssize_t answer = result < 0 ? -errno : result;
  if (answer == -EPIPE && !sigismember(&old, SIGPIPE)) {
    struct timespec zero = {0, 0};
    while (sigtimedwait(&pipe_signal, NULL, &zero) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return answer;
}

// Waits until there is room to write: 1, or 0 after the time.
static inline int linux_wait_writable(int descriptor, int timeout_milliseconds) {
  struct pollfd watched = {.fd = descriptor, .events = POLLOUT};
  return poll(&watched, 1, timeout_milliseconds) > 0;
}

// A timer that is read like an eventfd, and does not run yet.
static inline int linux_timer_create(void) {
  int result = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  return result < 0 ? -errno : result;
}

// Lets the timer fire once, or never for 0.
static inline int linux_timer_set(int timer, uint64_t nanoseconds) {
  struct itimerspec when = {
      .it_value = {.tv_sec = (time_t)(nanoseconds / 1000000000u), .tv_nsec = (long)(nanoseconds % 1000000000u)}};
  return timerfd_settime(timer, 0, &when, NULL) < 0 ? -errno : 0;
}

// Random bytes of the kernel's; at most 256 of them come without fail.
static inline ssize_t linux_random(void *buffer, size_t byte_count) {
  ssize_t result;
  do result = getrandom(buffer, byte_count, 0);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

// MARK: Terminals

static inline int linux_is_terminal(int descriptor) { return isatty(descriptor); }

// The window's size in characters; zeroes where there is none.
static inline struct winsize linux_window_size(int descriptor) {
  struct winsize size = {0}, none = {0};
  return ioctl(descriptor, TIOCGWINSZ, &size) < 0 ? none : size;
}

static inline int linux_set_window_size(int descriptor, uint16_t columns, uint16_t rows) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  return ioctl(descriptor, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

struct linux_terminal {
  struct termios attributes;
  int result;
};

static inline struct linux_terminal linux_terminal_of(int descriptor) {
  struct linux_terminal terminal = {0};
  terminal.result = tcgetattr(descriptor, &terminal.attributes) < 0 ? -errno : 0;
  return terminal;
}

// Async-signal-safe. A process in the background sets them too, without being stopped by SIGTTOU.
static inline int linux_set_terminal_attributes(int descriptor, const struct termios *attributes) {
  sigset_t output_signal, old;
  sigemptyset(&output_signal);
  sigaddset(&output_signal, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &output_signal, &old);
  int result = tcsetattr(descriptor, TCSANOW, attributes) < 0 ? -errno : 0;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return result;
}

// Every key reaches the guest. Output is still processed, so that lines of the host's own start at the left.
static inline struct termios linux_attributes_for_keys(struct termios attributes) {
  tcflag_t output = attributes.c_oflag;
  cfmakeraw(&attributes);
  attributes.c_oflag = output;
  return attributes;
}

static inline struct termios linux_raw_attributes(struct termios attributes) {
  cfmakeraw(&attributes);
  return attributes;
}

static inline int linux_apply_attributes(int descriptor, struct termios attributes) {
  return linux_set_terminal_attributes(descriptor, &attributes);
}

// MARK: The guard of the one terminal that is restored when the process dies
//
// A signal handler has no context, so what it restores is static. Each translation unit has its own: one Swift file
// alone, TerminalSettings.swift, may use this part.

struct linux_guarded_terminal {
  struct termios attributes;
  int descriptor;
  int is_armed;
};

// Within a function, for Swift emits no variables of a header's.
static inline struct linux_guarded_terminal *linux_guarded_terminal(void) {
  static struct linux_guarded_terminal terminal;
  return &terminal;
}

static inline void linux_restore_guarded_terminal(void) {
  struct linux_guarded_terminal *terminal = linux_guarded_terminal();
  if (__atomic_exchange_n(&terminal->is_armed, 0, __ATOMIC_ACQ_REL) == 2)
    linux_set_terminal_attributes(terminal->descriptor, &terminal->attributes);
}

// SA_RESETHAND has set the default action again, which the raised signal takes when the handler returns.
static inline void linux_restore_terminal_and_die(int number) {
  linux_restore_guarded_terminal();
  raise(number);
}

static inline void linux_restore_terminal_at_exit(int status, void *context) {
  (void)status;
  (void)context;
  linux_restore_guarded_terminal();
}

// Restores `attributes` of `descriptor` at exit(3) and when a signal of a crash kills the process. -EBUSY while another
// terminal is guarded.
static inline int linux_guard_terminal(int descriptor, struct termios attributes) {
  static int is_installed;
  struct linux_guarded_terminal *terminal = linux_guarded_terminal();
  int idle = 0;
  if (!__atomic_compare_exchange_n(&terminal->is_armed, &idle, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return -EBUSY;
  terminal->descriptor = descriptor;
  terminal->attributes = attributes;
  __atomic_store_n(&terminal->is_armed, 2, __ATOMIC_RELEASE);
  if (__atomic_exchange_n(&is_installed, 1, __ATOMIC_ACQ_REL)) return 0;
  on_exit(linux_restore_terminal_at_exit, NULL);
  const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
  for (unsigned int index = 0; index < sizeof signals / sizeof *signals; index++) {
    struct sigaction old;
    // Somebody else's handler, such as a backtrace's, stays.
    if (sigaction(signals[index], NULL, &old) < 0 || old.sa_handler != SIG_DFL) continue;
    struct sigaction action = {.sa_handler = linux_restore_terminal_and_die, .sa_flags = SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(signals[index], &action, NULL);
  }
  return 0;
}

// The guard's terminal is restored by other means.
static inline void linux_unguard_terminal(void) {
  __atomic_store_n(&linux_guarded_terminal()->is_armed, 0, __ATOMIC_RELEASE);
}

// MARK: Pseudo-terminals

// The master, nonblocking, with its slave unlocked.
static inline int linux_open_pseudo_terminal(void) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (master < 0) return -errno;
  if (unlockpt(master) < 0) {
    int error = errno;
    close(master);
    return -error;
  }
  return master;
}

// The number of the slave below /dev/pts.
static inline int linux_pseudo_terminal_number(int master) {
  unsigned int number;
  return ioctl(master, TIOCGPTN, &number) < 0 ? -errno : (int)number;
}

#endif
