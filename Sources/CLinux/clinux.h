// System calls and processor instructions that Swift cannot name.
//
// Every function that can fail returns -errno.
#ifndef CLINUX_H
#define CLINUX_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// MARK: Descriptors

// Always close-on-exec.
static inline int linux_open(const char *path, int flags, unsigned int mode) {
  int result;
  do result = open(path, flags | O_CLOEXEC, mode);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

// Not repeated after EINTR: Linux has released the number by then.
static inline int linux_close(int descriptor) { return close(descriptor) < 0 && errno != EINTR ? -errno : 0; }

static inline ssize_t linux_read(int descriptor, void *buffer, size_t byte_count) {
  ssize_t result;
  do result = read(descriptor, buffer, byte_count);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

// Reads the beginning of a file, as much as there is room for. Returns the number of bytes.
static inline ssize_t linux_read_file(const char *path, void *buffer, size_t byte_count) {
  int descriptor = linux_open(path, O_RDONLY | O_CLOEXEC, 0);
  if (descriptor < 0) return descriptor;
  size_t done = 0;
  ssize_t count = 0;
  while (done < byte_count && (count = linux_read(descriptor, (char *)buffer + done, byte_count - done)) > 0)
    done += (size_t)count;
  linux_close(descriptor);
  return count < 0 ? count : (ssize_t)done;
}

// 1 if both paths lead to one file, 0 if not.
static inline int linux_is_same_file(const char *first, const char *second) {
  struct stat one, other;
  if (stat(first, &one) < 0 || stat(second, &other) < 0) return -errno;
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

// The numbers of the block device that `path` is, or that the file system below it is on.
static inline int linux_device_below(const char *path, unsigned int *major_number, unsigned int *minor_number) {
  struct stat status;
  if (stat(path, &status) < 0) return -errno;
  dev_t device = S_ISBLK(status.st_mode) ? status.st_rdev : status.st_dev;
  *major_number = major(device);
  *minor_number = minor(device);
  return 0;
}

// `resolved` has room for PATH_MAX bytes.
static inline int linux_realpath(const char *path, char *resolved) {
  return realpath(path, resolved) == NULL ? -errno : 0;
}

// `name` is a flexible array in spirit, which Swift cannot express.
static inline const char *linux_entry_name(const struct dirent *entry) { return entry->d_name; }

static inline int linux_eventfd(void) {
  int result = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return result < 0 ? -errno : result;
}

// Adds `value` to the counter of an eventfd.
static inline int linux_eventfd_add(int descriptor, uint64_t value) {
  ssize_t result;
  do result = write(descriptor, &value, sizeof value);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

// Takes the counter of an eventfd; 0 if nothing was added.
static inline uint64_t linux_eventfd_take(int descriptor) {
  uint64_t value = 0;
  return linux_read(descriptor, &value, sizeof value) == sizeof value ? value : 0;
}

// The same for an eventfd whose O_NONBLOCK another process may clear: never blocks.
static inline uint64_t linux_foreign_eventfd_take(int descriptor) {
  uint64_t value = 0;
  struct iovec vector = {.iov_base = &value, .iov_len = sizeof value};
  // The system call takes the offset in two halves; -1 is the file's own position.
  long result = syscall(SYS_preadv2, descriptor, &vector, 1L, -1L, -1L, (long)RWF_NOWAIT);
  return result == sizeof value ? value : 0;
}

// Whether `descriptor` is readable now.
static inline int linux_is_readable(int descriptor) {
  struct pollfd wait = {.fd = descriptor, .events = POLLIN};
  return poll(&wait, 1, 0) == 1 && (wait.revents & POLLIN) != 0;
}

// Blocks until `descriptor` is readable, or a signal arrives.
static inline void linux_wait_readable(int descriptor) {
  struct pollfd wait = {.fd = descriptor, .events = POLLIN};
  poll(&wait, 1, -1);
}

static inline int linux_epoll_create(void) {
  int result = epoll_create1(EPOLL_CLOEXEC);
  return result < 0 ? -errno : result;
}

static inline uint32_t linux_epoll_in(void) { return EPOLLIN; }
static inline uint32_t linux_epoll_out(void) { return EPOLLOUT; }

static inline int linux_epoll_add(int poll, int descriptor, uint64_t token, uint32_t interest) {
  struct epoll_event event = {.events = interest, .data = {.u64 = token}};
  return epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) < 0 ? -errno : 0;
}

static inline int linux_epoll_change(int poll, int descriptor, uint64_t token, uint32_t interest) {
  struct epoll_event event = {.events = interest, .data = {.u64 = token}};
  return epoll_ctl(poll, EPOLL_CTL_MOD, descriptor, &event) < 0 ? -errno : 0;
}

static inline int linux_epoll_remove(int poll, int descriptor) {
  return epoll_ctl(poll, EPOLL_CTL_DEL, descriptor, NULL) < 0 ? -errno : 0;
}

// The events of one wait at most.
#define LINUX_EPOLL_LIMIT 64

// Fills in the tokens of events, LINUX_EPOLL_LIMIT at most. epoll's own structure is packed, which Swift cannot express.
static inline int linux_epoll_wait(int poll, uint64_t *tokens, int capacity, int timeout_milliseconds) {
  struct epoll_event events[LINUX_EPOLL_LIMIT];
  int limit = capacity < LINUX_EPOLL_LIMIT ? capacity : LINUX_EPOLL_LIMIT;
  int result = epoll_wait(poll, events, limit, timeout_milliseconds);
  if (result < 0) return -errno;
  for (int index = 0; index < result; index++) tokens[index] = events[index].data.u64;
  return result;
}

// A signalfd for the set of signals in `mask` (bit N-1 is signal N), which the calling thread blocks from now on.
static inline int linux_signalfd(uint64_t mask) {
  sigset_t set;
  sigemptyset(&set);
  for (int number = 1; number <= 64; number++)
    if (mask >> (number - 1) & 1) sigaddset(&set, number);
  int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
  if (error != 0) return -error;
  int result = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  return result < 0 ? -errno : result;
}

// The number of a pending signal, or 0.
static inline int linux_signalfd_take(int descriptor) {
  struct signalfd_siginfo information;
  ssize_t result = linux_read(descriptor, &information, sizeof information);
  return result == sizeof information ? (int)information.ssi_signo : 0;
}

// MARK: Memory

static inline int linux_mmap(
    void **base, size_t byte_count, int protection, int flags, int descriptor, int64_t offset) {
  void *result = mmap(NULL, byte_count, protection, flags, descriptor, offset);
  if (result == MAP_FAILED) return -errno;
  *base = result;
  return 0;
}

// Puts a file's pages, copied when written to, in the place of what is mapped there.
static inline int linux_mmap_private_fixed(void *address, size_t byte_count, int descriptor, int64_t offset) {
  void *result =
      mmap(address, byte_count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, descriptor, offset);
  return result == MAP_FAILED ? -errno : 0;
}

// Puts a file's pages, shared with its other mappings, in the place of what is mapped there.
static inline int linux_mmap_shared_fixed(void *address, size_t byte_count, int descriptor, int64_t offset) {
  void *result = mmap(address, byte_count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, offset);
  return result == MAP_FAILED ? -errno : 0;
}

static inline int linux_munmap(void *base, size_t byte_count) { return munmap(base, byte_count) < 0 ? -errno : 0; }

#ifndef MADV_POPULATE_WRITE  // Linux 5.14; not in every C library yet
#define MADV_POPULATE_WRITE 23
#endif

static inline int linux_advise_huge_pages(void *base, size_t byte_count) {
  return madvise(base, byte_count, MADV_HUGEPAGE) < 0 ? -errno : 0;
}

static inline int linux_advise_mergeable(void *base, size_t byte_count) {
  return madvise(base, byte_count, MADV_MERGEABLE) < 0 ? -errno : 0;
}

static inline int linux_populate_for_writing(void *base, size_t byte_count) {
  int result;
  do result = madvise(base, byte_count, MADV_POPULATE_WRITE);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

static inline int linux_discard(void *base, size_t byte_count) {
  return madvise(base, byte_count, MADV_DONTNEED) < 0 ? -errno : 0;
}

static inline int linux_mincore(void *base, size_t byte_count, unsigned char *pages) {
  return mincore(base, byte_count, pages) < 0 ? -errno : 0;
}

static inline size_t linux_page_byte_count(void) { return (size_t)sysconf(_SC_PAGESIZE); }

// MARK: Threads

// A joinable thread that runs nowhere but on the CPUs of `mask` (mask_byte_count 0: where its creator may run).
static inline int linux_thread_create(
    pthread_t *thread, const void *mask, size_t mask_byte_count, void *(*body)(void *), void *context) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return -error;
  if (mask_byte_count != 0)
    error = pthread_attr_setaffinity_np(&attributes, mask_byte_count, (const cpu_set_t *)mask);
  if (error == 0) error = pthread_create(thread, &attributes, body, context);
  pthread_attr_destroy(&attributes);
  return -error;
}

static inline int linux_thread_join(pthread_t thread) { return -pthread_join(thread, NULL); }
static inline void linux_thread_detach(pthread_t thread) { pthread_detach(thread); }

// `name` is cut by the kernel after 15 bytes.
static inline void linux_name_current_thread(const char *name) { prctl(PR_SET_NAME, name); }

// `buffer` has room for 16 bytes.
static inline int linux_current_thread_name(char *buffer) { return prctl(PR_GET_NAME, buffer) < 0 ? -errno : 0; }

static inline int linux_set_current_affinity(const void *mask, size_t mask_byte_count) {
  return sched_setaffinity(0, mask_byte_count, (const cpu_set_t *)mask) < 0 ? -errno : 0;
}

static inline int linux_current_affinity(void *mask, size_t mask_byte_count) {
  return sched_getaffinity(0, mask_byte_count, (cpu_set_t *)mask) < 0 ? -errno : 0;
}

// The number of the CPU that the calling thread ran on just now, or -errno.
static inline int linux_current_cpu(void) {
  int cpu = sched_getcpu();
  return cpu < 0 ? -errno : cpu;
}

static inline int linux_thread_affinity(pthread_t thread, void *mask, size_t mask_byte_count) {
  return -pthread_getaffinity_np(thread, mask_byte_count, (cpu_set_t *)mask);
}

static inline int linux_interrupt_signal(void) { return SIGRTMIN + 1; }

static inline void linux_ignore_interrupt(int number) { (void)number; }

// A handler that does nothing and does not restart system calls: the signal's only effect is EINTR.
static inline int linux_install_interrupt_handler(void) {
  struct sigaction action = {0};
  action.sa_handler = linux_ignore_interrupt;
  sigemptyset(&action.sa_mask);
  return sigaction(linux_interrupt_signal(), &action, NULL) < 0 ? -errno : 0;
}

// A new thread has the mask of its creator, and some libraries' threads block every signal.
static inline void linux_unblock_interrupt(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, linux_interrupt_signal());
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static inline int linux_thread_interrupt(pthread_t thread) {
  return -pthread_kill(thread, linux_interrupt_signal());
}

// MARK: Clocks

static inline uint64_t linux_clock_nanoseconds(clockid_t clock) {
  struct timespec time = {0, 0};
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline uint64_t linux_monotonic_nanoseconds(void) { return linux_clock_nanoseconds(CLOCK_MONOTONIC); }

static inline uint64_t linux_realtime_nanoseconds(void) { return linux_clock_nanoseconds(CLOCK_REALTIME); }

static inline uint64_t linux_current_thread_cpu_nanoseconds(void) {
  return linux_clock_nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}

static inline int linux_thread_cpu_nanoseconds(pthread_t thread, uint64_t *nanoseconds) {
  clockid_t clock;
  int error = pthread_getcpuclockid(thread, &clock);
  if (error != 0) return -error;
  *nanoseconds = linux_clock_nanoseconds(clock);
  return 0;
}

// Sleeps until `monotonic_nanoseconds`, whatever signals arrive.
static inline void linux_sleep_until(uint64_t monotonic_nanoseconds) {
  struct timespec deadline = {
      .tv_sec = (time_t)(monotonic_nanoseconds / 1000000000u),
      .tv_nsec = (long)(monotonic_nanoseconds % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == EINTR) {
  }
}

// MARK: Instructions

static inline __attribute__((always_inline)) void linux_pause(void) { __builtin_ia32_pause(); }
static inline __attribute__((always_inline)) uint64_t linux_rdtsc(void) { return __builtin_ia32_rdtsc(); }

// Waits for the instructions before it, and holds back those after it.
static inline __attribute__((always_inline)) uint64_t linux_rdtscp_fenced(void) {
  unsigned int processor;
  uint64_t value = __builtin_ia32_rdtscp(&processor);
  __builtin_ia32_lfence();
  return value;
}

// MARK: Asynchronous I/O

// The completion ring that io_setup maps at the address it returns as the context (fs/aio.c, struct aio_ring). Its
// events, struct io_event, start after `header_byte_count` bytes. The kernel moves the tail, the process the head.
struct linux_aio_ring {
  uint32_t id;
  uint32_t event_count;
  uint32_t head;
  uint32_t tail;
  uint32_t magic;
  uint32_t compatible_features;
  uint32_t incompatible_features;
  uint32_t header_byte_count;
};

#define LINUX_AIO_RING_MAGIC 0xa10a10a1u

static inline int linux_io_setup(unsigned int capacity, aio_context_t *context) {
  *context = 0;
  return syscall(SYS_io_setup, capacity, context) < 0 ? -errno : 0;
}

static inline int linux_io_destroy(aio_context_t context) {
  return syscall(SYS_io_destroy, context) < 0 ? -errno : 0;
}

static inline long linux_io_submit(aio_context_t context, long count, struct iocb **requests) {
  long result = syscall(SYS_io_submit, context, count, requests);
  return result < 0 ? -errno : result;
}

// Takes what is complete already, without waiting.
static inline long linux_io_getevents(aio_context_t context, long count, struct io_event *events) {
  struct timespec zero = {0, 0};
  long result = syscall(SYS_io_getevents, context, 0L, count, events, &zero);
  return result < 0 ? -errno : result;
}

// A context for one request, or -errno.
static inline int64_t linux_io_context(void) {
  aio_context_t context = 0;
  int result = linux_io_setup(1, &context);
  return result < 0 ? result : (int64_t)context;
}

// Reads a byte of /dev/null, which is open as `file`, so that the kernel signals the eventfd `descriptor`: at once, and without waiting.
static inline long linux_io_signal(aio_context_t context, int file, int descriptor) {
  char byte;
  struct iocb request = {0}, *requests = &request;
  request.aio_lio_opcode = IOCB_CMD_PREAD;
  request.aio_fildes = (uint32_t)file;
  request.aio_buf = (uint64_t)(uintptr_t)&byte;
  request.aio_nbytes = 1;
  request.aio_flags = IOCB_FLAG_RESFD;
  request.aio_resfd = (uint32_t)descriptor;
  long result = linux_io_submit(context, 1, &requests);
  struct io_event event;
  // The context has room for one completion, which the next submission needs.
  if (result == 1) linux_io_getevents(context, 1, &event);
  return result;
}

// Pairs with the kernel's write barrier between an event and the tail that announces it.
static inline __attribute__((always_inline)) uint32_t linux_load_acquiring(const uint32_t *word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

// The kernel may overwrite an event as soon as it sees the head beyond it.
static inline __attribute__((always_inline)) void linux_store_releasing(uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

#endif
