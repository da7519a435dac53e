/* Disk I/O for Swift: calls that return a count or -errno, and flags whose macros do not import. */
#ifndef CLINUX_STORAGE_H
#define CLINUX_STORAGE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Declared by hand: whether Glibc's headers show them depends on who includes them first. */
static const int LINUX_O_DIRECT = 040000;
static const int LINUX_O_TMPFILE = 020000000 | 0200000;

/*
 * What O_DIRECT demands of buffers and offsets, in bytes (STATX_DIOALIGN of statx(2), Linux 6.1), both 0 where it is refused:
 * 1, or 0 where the kernel or the file system does not tell, or -errno. By the kernel's numbers: Glibc's headers and the
 * kernel's do not go together.
 */
static inline int linux_direct_alignment(int descriptor, uint32_t *memory, uint32_t *offset) {
  const unsigned int empty_path = 0x1000, direct_alignment = 0x2000;
  uint32_t status[64] = {0};
  if (syscall(SYS_statx, (long)descriptor, "", (long)empty_path, (long)direct_alignment, status) < 0)
    return errno == ENOSYS ? 0 : -errno;
  if (!(status[0] & direct_alignment)) return 0;
  *memory = status[152 / 4];
  *offset = status[156 / 4];
  return 1;
}

/* Whether a block device refuses writes (BLKROGET of linux/fs.h): 0, 1 or -errno. */
static inline int linux_block_device_is_read_only(int descriptor) {
  int value = 0;
  return ioctl(descriptor, 0x125e, &value) < 0 ? -errno : value != 0;
}

/* The logical block size of a block device in bytes (BLKSSZGET of linux/fs.h), or -errno. */
static inline int linux_block_device_block_size(int descriptor) {
  int value = 0;
  return ioctl(descriptor, 0x1268, &value) < 0 ? -errno : value;
}

/* BLKDISCARD of linux/fs.h. */
static inline int linux_block_device_discard(int descriptor, uint64_t offset, uint64_t byte_count) {
  uint64_t range[2] = {offset, byte_count};
  return ioctl(descriptor, 0x1277, range) < 0 ? -errno : 0;
}

/* What of a file decides how it is opened. */
struct linux_file_kind {
  int is_regular;
  int is_block_device;
  int is_directory;
};

static inline int linux_file_kind_of(const char *path, struct linux_file_kind *kind) {
  struct stat status;
  if (stat(path, &status) < 0) return -errno;
  kind->is_regular = S_ISREG(status.st_mode);
  kind->is_block_device = S_ISBLK(status.st_mode);
  kind->is_directory = S_ISDIR(status.st_mode);
  return 0;
}

/* Which file it is, and how many names it has. */
struct linux_file_identity {
  uint64_t device;
  uint64_t inode;
  uint64_t link_count;
};

static inline void linux_fill_file_identity(const struct stat *status, struct linux_file_identity *identity) {
  identity->device = status->st_dev;
  identity->inode = status->st_ino;
  identity->link_count = status->st_nlink;
}

static inline int linux_file_identity_of(int descriptor, struct linux_file_identity *identity) {
  struct stat status;
  if (fstat(descriptor, &status) < 0) return -errno;
  linux_fill_file_identity(&status, identity);
  return 0;
}

static inline int linux_path_identity_of(const char *path, struct linux_file_identity *identity) {
  struct stat status;
  if (stat(path, &status) < 0) return -errno;
  linux_fill_file_identity(&status, identity);
  return 0;
}

/* The file of a loop device (LOOP_GET_STATUS64 of linux/loop.h): lo_device, lo_inode, and lo_flags at offset 52. */
static inline int linux_loop_file(const char *path, struct linux_file_identity *identity, int *is_read_only) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return -errno;
  uint64_t status[29] = {0};
  int result = ioctl(descriptor, 0x4C05, status) < 0 ? -errno : 0;
  close(descriptor);
  if (result < 0) return result;
  identity->device = status[0];
  identity->inode = status[1];
  *is_read_only = (int)(status[6] >> 32) & 1;
  return 0;
}

/* Locks a whole file against other processes (flock(2)); -EBUSY if somebody else has it. */
static inline int linux_file_lock(int descriptor, int exclusively) {
  if (flock(descriptor, (exclusively ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return 0;
  return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

static inline int64_t linux_preadv(int descriptor, const struct iovec *vectors, int count, int64_t offset) {
  ssize_t result = preadv(descriptor, vectors, count, offset);
  return result < 0 ? -errno : result;
}

static inline int64_t linux_pwritev(int descriptor, const struct iovec *vectors, int count, int64_t offset) {
  ssize_t result = pwritev(descriptor, vectors, count, offset);
  return result < 0 ? -errno : result;
}

/* RWF_DSYNC of linux/fs.h: the write is over when its data are on stable storage. */
static const int LINUX_RWF_DSYNC = 2;

/* pwritev2: a write with flags. */
static inline int64_t linux_pwritev2(int descriptor, const struct iovec *vectors, int count, int64_t offset, int flags) {
  /* The system call takes the offset in two halves, of which the second is unused on 64 bits. */
  long result = syscall(SYS_pwritev2, descriptor, vectors, (long)count, (long)offset, 0L, (long)flags);
  return result < 0 ? -errno : result;
}

static inline int64_t linux_fdatasync(int descriptor) { return fdatasync(descriptor) < 0 ? -errno : 0; }

static inline int64_t linux_punch_hole(int descriptor, int64_t offset, int64_t byte_count) {
  long result = syscall(SYS_fallocate, descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, byte_count);
  return result < 0 ? -errno : 0;
}

static inline int64_t linux_allocate(int descriptor, int64_t offset, int64_t byte_count) {
  long result = syscall(SYS_fallocate, descriptor, 0, offset, byte_count);
  return result < 0 ? -errno : 0;
}

static inline int64_t linux_zero_range(int descriptor, int64_t offset, int64_t byte_count) {
  long result = syscall(SYS_fallocate, descriptor, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, byte_count);
  return result < 0 ? -errno : 0;
}

#endif
