/* A PCI function driven from user space, for Swift: registers, memory that stays where it is, and a guardian process.
   Failures are -errno. */
#ifndef CLINUX_DEVICE_H
#define CLINUX_DEVICE_H

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/memfd.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// MARK: Registers: one access of the width named, never merged, repeated or left out.

static inline uint32_t linux_register_load32(const void *address) { return *(const volatile uint32_t *)address; }
static inline uint64_t linux_register_load64(const void *address) { return *(const volatile uint64_t *)address; }
static inline void linux_register_store32(void *address, uint32_t value) { *(volatile uint32_t *)address = value; }
static inline void linux_register_store64(void *address, uint64_t value) { *(volatile uint64_t *)address = value; }

// MARK: Files

static inline ssize_t linux_pread(int descriptor, void *buffer, size_t byte_count, int64_t offset) {
  ssize_t result;
  do result = pread(descriptor, buffer, byte_count, offset);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

static inline ssize_t linux_pwrite(int descriptor, const void *buffer, size_t byte_count, int64_t offset) {
  ssize_t result;
  do result = pwrite(descriptor, buffer, byte_count, offset);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

static inline int64_t linux_descriptor_byte_count(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) < 0 ? -errno : (int64_t)status.st_size;
}

/* Locks the open file exclusively; processes that inherit the descriptor share the lock. EWOULDBLOCK if it is taken. */
static inline int linux_try_exclusive_lock(int descriptor) {
  return flock(descriptor, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

static inline int linux_unlock(int descriptor) { return flock(descriptor, LOCK_UN) < 0 ? -errno : 0; }

// MARK: Memory

/* A file of `byte_count` bytes that is memory and nothing else; of huge pages of 2 MiB where asked. */
static inline int linux_memory_file(const char *name, size_t byte_count, int huge_pages) {
  int result = (int)syscall(SYS_memfd_create, name, MFD_CLOEXEC | (huge_pages ? MFD_HUGETLB | MFD_HUGE_2MB : 0));
  if (result < 0) return -errno;
  if (ftruncate(result, (off_t)byte_count) < 0) {
    int error = errno;
    close(result);
    return -error;
  }
  return result;
}

/* Of linux/fcntl.h, which does not go together with fcntl.h (fcntl(2), "File Sealing"). */
#define LINUX_F_ADD_SEALS 1033
#define LINUX_F_GET_SEALS 1034
#define LINUX_F_SEAL_SEAL 0x01
#define LINUX_F_SEAL_SHRINK 0x02
#define LINUX_F_SEAL_GROW 0x04
#define LINUX_F_SEAL_WRITE 0x08
#define LINUX_F_SEAL_FUTURE_WRITE 0x10
/* The seals that keep a shared file's size: pages of a mapping of it never go away. */
#define LINUX_SIZE_SEALS (LINUX_F_SEAL_SHRINK | LINUX_F_SEAL_GROW)
/* The seals that forbid a mapping to write. */
#define LINUX_WRITE_SEALS (LINUX_F_SEAL_WRITE | LINUX_F_SEAL_FUTURE_WRITE)

/* A file of `byte_count` bytes that is memory and has `seals`; of huge pages of 2 MiB where asked. */
static inline int linux_sealed_memory_file(const char *name, size_t byte_count, int seals, int huge_pages) {
  int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | (huge_pages ? MFD_HUGETLB | MFD_HUGE_2MB : 0);
  int result = (int)syscall(SYS_memfd_create, name, flags);
  if (result < 0) return -errno;
  if (ftruncate(result, (off_t)byte_count) == 0 && fcntl(result, LINUX_F_ADD_SEALS, seals) == 0) return result;
  int error = errno;
  close(result);
  return -error;
}

/* The seals of a file; -EINVAL for anything that has none. Never waits, whatever the descriptor is. */
static inline int linux_file_seals(int descriptor) {
  int result = fcntl(descriptor, LINUX_F_GET_SEALS);
  return result < 0 ? -errno : result;
}

/* TMPFS_MAGIC of linux/magic.h. */
#define LINUX_SHARED_MEMORY_MAGIC 0x01021994

/* Whether a file is of shared memory (tmpfs) with ordinary pages: 1 or 0. */
static inline int linux_is_shared_memory(int descriptor) {
  struct statfs status;
  return fstatfs(descriptor, &status) < 0 ? -errno : status.f_type == LINUX_SHARED_MEMORY_MAGIC;
}

/* The access mode of a descriptor: O_RDONLY, O_WRONLY or O_RDWR. */
static inline int linux_access_mode(int descriptor) {
  int flags = fcntl(descriptor, F_GETFL);
  return flags < 0 ? -errno : flags & O_ACCMODE;
}

/* Bytes of a file. */
static inline int64_t linux_file_byte_count(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) < 0 ? -errno : status.st_size;
}

static inline int linux_lock_memory(const void *base, size_t byte_count) {
  return mlock(base, byte_count) < 0 ? -errno : 0;
}

/* The kernel's longest fixed buffer. */
#define LINUX_FIXED_BUFFER_LIMIT ((size_t)1 << 30)

/* An io_uring that is used for one thing: memory that is registered with it is pinned (FOLL_LONGTERM), so that the
   kernel migrates none of its pages, until the last descriptor of the ring is closed. */
static inline int linux_pin_memory(void *base, size_t byte_count) {
  struct io_uring_params parameters;
  memset(&parameters, 0, sizeof parameters);
  int ring = (int)syscall(SYS_io_uring_setup, 1u, &parameters);
  if (ring < 0) return -errno;
  struct iovec buffers[64];
  unsigned int count = 0;
  for (size_t offset = 0; offset < byte_count && count < 64; count++) {
    size_t length = byte_count - offset < LINUX_FIXED_BUFFER_LIMIT ? byte_count - offset : LINUX_FIXED_BUFFER_LIMIT;
    buffers[count] = (struct iovec){.iov_base = (char *)base + offset, .iov_len = length};
    offset += length;
  }
  int error = 0;
  if (byte_count > 64 * LINUX_FIXED_BUFFER_LIMIT) error = E2BIG;
  else if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, buffers, count) < 0) error = errno;
  if (error == 0 && fcntl(ring, F_SETFD, FD_CLOEXEC) < 0) error = errno;
  if (error == 0) return ring;
  close(ring);
  return -error;
}

// MARK: Waiting

static inline void linux_yield(void) { sched_yield(); }

// MARK: Guardian

/* Closes every descriptor but those of `kept`, which are in ascending order. */
static inline void linux_keep_descriptors(const int *kept, int count) {
  unsigned int next = 0;
  for (int index = 0; index < count; index++) {
    if (kept[index] < 0 || (unsigned int)kept[index] < next) continue;
    if ((unsigned int)kept[index] > next) syscall(SYS_close_range, next, (unsigned int)kept[index] - 1, 0u);
    next = (unsigned int)kept[index] + 1;
  }
  syscall(SYS_close_range, next, ~0u, 0u);
}

/* What the guardian does: async-signal-safe calls alone, for its parent had threads. A byte on `control` ends it; the
   end of the pipe means that every process that used the device is dead. */
static inline void linux_guard(void *reset_register, int control, int lock, int pin) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  setsid();
  prctl(PR_SET_NAME, "vext-guardian");
  if (chdir("/") < 0) _exit(1);
  /* Memory that a device still writes to must not be freed first when memory is short. */
  int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0) {
    if (write(score, "-1000", 5) != 5) { /* Without the right to, it takes its chance. */ }
    close(score);
  }
  int kept[3] = {control, lock, pin};
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2 - i; j++)
      if (kept[j] > kept[j + 1]) {
        int other = kept[j];
        kept[j] = kept[j + 1];
        kept[j + 1] = other;
      }
  linux_keep_descriptors(kept, 3);
  char byte;
  ssize_t result;
  do result = read(control, &byte, 1);
  while (result < 0 && errno == EINTR);
  if (result == 0) linux_register_store32(reset_register, 1);
  _exit(0);
}

/* Starts a process that outlives this one, however it ends, with all its shared mappings and the descriptors `lock` and
   `pin` (-1: none), and then writes to `reset_register`. Answers the pipe by which it learns of the end. */
static inline int linux_start_guardian(void *reset_register, int lock, int pin) {
  int pipe_ends[2];
  if (syscall(SYS_pipe2, pipe_ends, O_CLOEXEC) < 0) return -errno;
  pid_t child = fork();
  if (child == 0) {
    /* A grandchild belongs to the first process, so that nobody here has to wait for it. */
    pid_t grandchild = fork();
    if (grandchild == 0) linux_guard(reset_register, pipe_ends[0], lock, pin);
    _exit(grandchild < 0 ? 1 : 0);
  }
  int error = child < 0 ? errno : 0;
  close(pipe_ends[0]);
  if (child > 0) {
    int status = 0;
    pid_t waited;
    do waited = waitpid(child, &status, 0);
    while (waited < 0 && errno == EINTR);
    /* Where SIGCHLD is ignored nobody can wait, and nothing is known. */
    if (waited == child && status != 0) error = EAGAIN;
  }
  if (error == 0) return pipe_ends[1];
  close(pipe_ends[1]);
  return -error;
}

/* Tells the guardian that the device is idle and needs no reset. */
static inline int linux_dismiss_guardian(int control) {
  ssize_t result;
  do result = write(control, "", 1);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

#endif
