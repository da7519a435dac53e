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
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

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

// As cfuse_reply_open, for CREATE.
static inline int cfuse_reply_create(
    fuse_req_t request, const struct fuse_entry_param *entry, uint64_t handle, uint32_t flags) {
  struct {
    struct fuse_entry_out entry;
    struct fuse_open_out open;
  } out;
  memset(&out, 0, sizeof out);
  out.entry.nodeid = entry->ino;
  out.entry.generation = entry->generation;
  out.entry.entry_valid = (uint64_t)entry->entry_timeout;
  out.entry.attr_valid = (uint64_t)entry->attr_timeout;
  cfuse_fill_attributes(&out.entry.attr, &entry->attr);
  out.open.fh = handle;
  out.open.open_flags = flags;
  return fuse_reply_buf(request, (const char *)&out, sizeof out);
}

// MARK: What Swift cannot name or may not call

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

#endif
