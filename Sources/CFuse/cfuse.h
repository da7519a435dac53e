// libfuse3's low-level API, 3.14 or later, and replies that it cannot express.
#ifndef CFUSE_H
#define CFUSE_H

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 35
#endif
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cfuse_ring.h"

// MARK: Replies

// FOPEN_ flags of linux/fuse.h newer than the headers or than libfuse 3.14.
enum { CFUSE_OPEN_PARALLEL_DIRECT_WRITES = 1 << 6 };

// libfuse 3.14 has no field for FOPEN_PARALLEL_DIRECT_WRITES (Linux 6.2), so the answer to OPEN is made here.
static inline int cfuse_reply_open(fuse_req_t request, uint64_t handle, uint32_t flags) {
  struct fuse_open_out out;
  memset(&out, 0, sizeof out);
  out.fh = handle;
  out.open_flags = flags;
  return fuse_reply_buf(request, (const char *)&out, sizeof out);
}

static inline void cfuse_fill_attributes(struct fuse_attr *attr, const struct stat *status) {
  attr->ino = status->st_ino;
  attr->size = (uint64_t)status->st_size;
  attr->blocks = (uint64_t)status->st_blocks;
  attr->atime = (uint64_t)status->st_atim.tv_sec;
  attr->mtime = (uint64_t)status->st_mtim.tv_sec;
  attr->ctime = (uint64_t)status->st_ctim.tv_sec;
  attr->atimensec = (uint32_t)status->st_atim.tv_nsec;
  attr->mtimensec = (uint32_t)status->st_mtim.tv_nsec;
  attr->ctimensec = (uint32_t)status->st_ctim.tv_nsec;
  attr->mode = status->st_mode;
  attr->nlink = (uint32_t)status->st_nlink;
  attr->uid = status->st_uid;
  attr->gid = status->st_gid;
  attr->rdev = (uint32_t)status->st_rdev;
  attr->blksize = (uint32_t)status->st_blksize;
}

// The answer to CREATE and TMPFILE.
struct cfuse_created {
  struct fuse_entry_out entry;
  struct fuse_open_out open;
};

static inline struct cfuse_created cfuse_created_of(
    const struct fuse_entry_param *entry, uint64_t handle, uint32_t flags) {
  struct cfuse_created out;
  memset(&out, 0, sizeof out);
  out.entry.nodeid = entry->ino;
  out.entry.generation = entry->generation;
  out.entry.entry_valid = (uint64_t)entry->entry_timeout;
  out.entry.attr_valid = (uint64_t)entry->attr_timeout;
  cfuse_fill_attributes(&out.entry.attr, &entry->attr);
  out.open.fh = handle;
  out.open.open_flags = flags;
  return out;
}

// As cfuse_reply_open, for CREATE.
static inline int cfuse_reply_create(
    fuse_req_t request, const struct fuse_entry_param *entry, uint64_t handle, uint32_t flags) {
  struct cfuse_created out = cfuse_created_of(entry, handle, flags);
  return fuse_reply_buf(request, (const char *)&out, sizeof out);
}

// MARK: Requests that libfuse 3.14 does not know

// Opcodes of linux/fuse.h, some newer than the headers.
enum {
  CFUSE_WRITE = 16,
  CFUSE_INIT = 26,
  CFUSE_READDIR = 28,
  CFUSE_READDIRPLUS = 44,
  CFUSE_SYNCFS = 50,
  CFUSE_TMPFILE = 51,
  CFUSE_STATX = 52
};

// Answers a request without libfuse: `error` is 0 or a negative errno, and then nothing follows. `slot` is null for a request that was
// read from the device.
static inline int cfuse_answer(
    int device, struct cfuse_slot *slot, uint64_t unique, int error, const void *body, size_t byte_count) {
  struct fuse_out_header header;
  if (error != 0) byte_count = 0;
  header.len = (uint32_t)(sizeof header + byte_count);
  header.error = error;
  header.unique = unique;
  struct iovec parts[2] = {{&header, sizeof header}, {(void *)body, byte_count}};
  return cfuse_send(device, slot, parts, 2) < 0 ? -errno : 0;
}

// Lets the kernel ask for an inode's attributes again: a notification, not an answer. Its data stay in the cache.
static inline int cfuse_forget_attributes(int device, uint64_t node) {
  struct {
    struct fuse_out_header header;
    struct fuse_notify_inval_inode_out body;
  } out;
  memset(&out, 0, sizeof out);
  out.header.len = sizeof out;
  out.header.error = FUSE_NOTIFY_INVAL_INODE;
  out.body.ino = node;
  out.body.off = -1;
  return write(device, &out, sizeof out) < 0 ? -errno : 0;
}

// The answer to STATX (Linux 6.6): struct fuse_statx_out with its struct fuse_statx.
struct cfuse_time {
  int64_t seconds;
  uint32_t nanoseconds;
  int32_t reserved;
};

struct cfuse_statx_out {
  uint64_t attr_valid;
  uint32_t attr_valid_nsec;
  uint32_t flags;
  uint64_t spare[2];
  uint32_t mask;
  uint32_t blksize;
  uint64_t attributes;
  uint32_t nlink;
  uint32_t uid;
  uint32_t gid;
  uint16_t mode;
  uint16_t spare0;
  uint64_t ino;
  uint64_t size;
  uint64_t blocks;
  uint64_t attributes_mask;
  struct cfuse_time atime;
  struct cfuse_time btime;
  struct cfuse_time ctime;
  struct cfuse_time mtime;
  uint32_t rdev_major;
  uint32_t rdev_minor;
  uint32_t dev_major;
  uint32_t dev_minor;
  uint64_t spare2[14];
};

static inline struct cfuse_time cfuse_time_of(const struct timespec *time) {
  struct cfuse_time result = {time->tv_sec, (uint32_t)time->tv_nsec, 0};
  return result;
}

// The basic attributes of `status`, and the time of birth unless it is null.
static inline struct cfuse_statx_out cfuse_statx_of(
    const struct stat *status, const struct timespec *birth, uint64_t valid_seconds) {
  struct cfuse_statx_out out;
  memset(&out, 0, sizeof out);
  out.attr_valid = valid_seconds;
  out.mask = 0x7ff;  // STATX_BASIC_STATS
  out.blksize = (uint32_t)status->st_blksize;
  out.nlink = (uint32_t)status->st_nlink;
  out.uid = status->st_uid;
  out.gid = status->st_gid;
  out.mode = (uint16_t)status->st_mode;
  out.ino = status->st_ino;
  out.size = (uint64_t)status->st_size;
  out.blocks = (uint64_t)status->st_blocks;
  out.atime = cfuse_time_of(&status->st_atim);
  out.ctime = cfuse_time_of(&status->st_ctim);
  out.mtime = cfuse_time_of(&status->st_mtim);
  out.rdev_major = major(status->st_rdev);
  out.rdev_minor = minor(status->st_rdev);
  if (birth) {
    out.mask |= 0x800;  // STATX_BTIME
    out.btime = cfuse_time_of(birth);
  }
  return out;
}

// MARK: What Swift cannot name or may not call

static inline ssize_t cfuse_read(int device, void *buffer, size_t byte_count, void *context) {
  (void)context;
  return read(device, buffer, byte_count);
}

// The body of the answer to INIT, if `parts` are libfuse's answer to the request `unique` and no error: its first part is the
// header, its second the whole structure, on the stack.
static inline struct fuse_init_out *cfuse_init_answer(const struct iovec *parts, int count, uint64_t unique) {
  const struct fuse_out_header *header = (const struct fuse_out_header *)parts[0].iov_base;
  if (count != 2 || parts[0].iov_len != sizeof *header || header->unique != unique || header->error != 0) return NULL;
  return parts[1].iov_len == sizeof(struct fuse_init_out) ? (struct fuse_init_out *)parts[1].iov_base : NULL;
}

// Lets `write_answer` send every answer of a session that is mounted.
static inline int cfuse_send_through(
    struct fuse_session *session, ssize_t (*write_answer)(int, struct iovec *, int, void *)) {
  struct fuse_custom_io io;
  memset(&io, 0, sizeof io);
  io.writev = write_answer;
  io.read = cfuse_read;
  return fuse_session_custom_io(session, &io, fuse_session_fd(session));
}

// Messages of libfuse go nowhere: the program says what failed in its own words.
static inline void cfuse_discard_message(enum fuse_log_level level, const char *format, va_list arguments) {
  (void)level;
  (void)format;
  (void)arguments;
}

static inline void cfuse_silence(void) { fuse_set_log_func(cfuse_discard_message); }

// A process in the background: 0 in the child, whose parent waits for one byte in `*pipe_end`, its exit code. In the
// parent never returns.
static inline int cfuse_fork(int *pipe_end) {
  int ends[2];
  if (pipe(ends) < 0) return -errno;
  pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0) {
    close(ends[0]);
    setsid();
    *pipe_end = ends[1];
    return 0;
  }
  close(ends[1]);
  unsigned char code;
  ssize_t count;
  do count = read(ends[0], &code, 1);
  while (count < 0 && errno == EINTR);
  _exit(count == 1 ? code : 1);
}

// Tells the waiting parent how the start ended. After a good start the standard streams are /dev/null.
static inline void cfuse_tell_parent(int pipe_end, unsigned char code) {
  if (code == 0) {
    int null = open("/dev/null", O_RDWR);
    if (null >= 0) {
      dup2(null, 0);
      dup2(null, 1);
      dup2(null, 2);
      if (null > 2) close(null);
    }
    if (chdir("/") < 0) code = 1;
  }
  ssize_t count;
  do count = write(pipe_end, &code, 1);
  while (count < 0 && errno == EINTR);
  close(pipe_end);
}

static inline int cfuse_umount(const char *path, int flags) { return umount2(path, flags) < 0 ? -errno : 0; }

// Sets how far the kernel reads ahead on a mounted file system. The file system itself is asked nothing, because no thread may serve yet.
static inline int cfuse_set_readahead(const char *path, uint32_t kibibytes) {
  // struct statx, whose words 34 and 35 are the numbers of the file system's device.
  uint32_t status[64];
  const long without_request = 0x4000;  // AT_STATX_DONT_SYNC
  if (syscall(SYS_statx, (long)AT_FDCWD, path, without_request, 0L, status) < 0) return -errno;
  char name[64];
  snprintf(name, sizeof name, "/sys/class/bdi/%u:%u/read_ahead_kb", status[34], status[35]);
  int file = open(name, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -errno;
  int byte_count = dprintf(file, "%u", kibibytes);
  close(file);
  return byte_count < 0 ? -EIO : 0;
}

// Ends the connection to the kernel: requests fail, and the file system is unmounted unless it is in use.
static inline int cfuse_abort(const char *path) { return cfuse_umount(path, MNT_FORCE); }

// One line on standard error and in the system's log.
static inline void cfuse_report(const char *text) {
  dprintf(2, "fuse-vext: error: %s\n", text);
  openlog("fuse-vext", LOG_PID, LOG_DAEMON);
  syslog(LOG_ERR, "%s", text);
  closelog();
}

#endif
