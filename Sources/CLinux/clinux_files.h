/* Files of a shared directory, for Swift: every name is looked up in a directory's descriptor, without following links,
   and failures are -errno. */
#ifndef CLINUX_FILES_H
#define CLINUX_FILES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Declared by hand: whether Glibc's headers show them depends on who includes them first. */
static const int LINUX_O_PATH = 010000000;
static const int LINUX_O_CREAT = 0100;
static const int LINUX_O_EXCL = 0200;
static const int LINUX_O_DIRECTORY = 0200000;
static const int LINUX_O_NOFOLLOW = 0400000;
#define LINUX_AT_EMPTY_PATH 0x1000
#define LINUX_F_OFD_GETLK 36
#define LINUX_F_OFD_SETLK 37

static const int64_t LINUX_PROC_MAGIC = 0x9fa0;

// How many descriptors the process may have (RLIMIT_NOFILE).
static inline uint64_t linux_descriptor_limit(void) {
  struct rlimit limit;
  return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 0 : limit.rlim_cur;
}

// Raises a limit to what the process may have at most.
static inline int linux_raise_limit(int resource) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) < 0) return -errno;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

static inline int linux_raise_descriptor_limit(void) { return linux_raise_limit(RLIMIT_NOFILE); }
// Of memory that the process may lock, against which pinned guest memory counts.
static inline int linux_raise_locked_memory_limit(void) { return linux_raise_limit(RLIMIT_MEMLOCK); }

static inline uint32_t linux_effective_user(void) { return geteuid(); }

/* What stat(2) tells, without the C library's names. */
struct linux_file_status {
  uint64_t device;
  uint64_t inode;
  uint64_t link_count;
  uint64_t device_number;
  uint64_t byte_count;
  uint64_t block_byte_count;
  uint64_t block_count;
  int64_t access_seconds;
  int64_t access_nanoseconds;
  int64_t modification_seconds;
  int64_t modification_nanoseconds;
  int64_t change_seconds;
  int64_t change_nanoseconds;
  uint32_t mode;
  uint32_t user;
  uint32_t group;
};

/* What statfs(2) tells. */
struct linux_file_system_status {
  int64_t type;
  uint64_t block_byte_count;
  uint64_t block_count;
  uint64_t free_block_count;
  uint64_t available_block_count;
  uint64_t file_count;
  uint64_t free_file_count;
  uint64_t identifier;
  uint64_t name_byte_limit;
};

/* An entry that linux_read_directory found; `name` points into the buffer. */
struct linux_directory_entry {
  uint64_t inode;
  int64_t next_position;
  const char *name;
  uint32_t name_byte_count;
  uint32_t record_byte_count;
  uint8_t type;
};

/* openat2(2) that stays below `directory` and passes no symbolic link. EAGAIN says that the kernel met a rename. */
static inline int linux_open_beneath(int directory, const char *name, int flags, unsigned int mode) {
  struct open_how how = {
      .flags = (uint64_t)(uint32_t)(flags | O_CLOEXEC | LINUX_O_NOFOLLOW),
      .mode = mode,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};
  long result;
  int attempts = 0;
  do result = syscall(SYS_openat2, directory, name, &how, sizeof how);
  while (result < 0 && (errno == EINTR || (errno == EAGAIN && ++attempts < 16)));
  return result < 0 ? -errno : (int)result;
}

/* The directory above `directory`, wherever that is. */
static inline int linux_open_parent(int directory) {
  int result = openat(directory, "..", LINUX_O_PATH | LINUX_O_DIRECTORY | LINUX_O_NOFOLLOW | O_CLOEXEC);
  return result < 0 ? -errno : result;
}

/* The name of `descriptor` within /proc/self/fd. */
struct linux_descriptor_name {
  char text[32];
};

static inline struct linux_descriptor_name linux_name_descriptor(int descriptor) {
  struct linux_descriptor_name name;
  snprintf(name.text, sizeof name.text, "%d", descriptor);
  return name;
}

/* The same, from the root directory: for calls that take no directory. */
static inline struct linux_descriptor_name linux_path_descriptor(int descriptor) {
  struct linux_descriptor_name name;
  snprintf(name.text, sizeof name.text, "/proc/self/fd/%d", descriptor);
  return name;
}

/* Opens the file that `descriptor` stands for once more; `descriptors` is /proc/self/fd. */
static inline int linux_reopen(int descriptors, int descriptor, int flags) {
  int result;
  do result = openat(descriptors, linux_name_descriptor(descriptor).text, flags | O_CLOEXEC);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

/* Where the kernel says that `descriptor` is: a count of bytes, not terminated. */
static inline int64_t linux_descriptor_location(
    int descriptors, int descriptor, char *location, size_t byte_count) {
  ssize_t result = readlinkat(descriptors, linux_name_descriptor(descriptor).text, location, byte_count);
  return result < 0 ? -errno : result;
}

/* Opens the regular file `name` of `directory` for reading. What lies there may be anything: its type is known before it is
   opened, because to open a FIFO may wait and to open a device may act. -EINVAL unless it is a regular file. */
static inline int linux_open_regular_beneath(int directory, const char *name) {
  int path = linux_open_beneath(directory, name, LINUX_O_PATH, 0);
  if (path < 0) return path;
  struct stat status;
  int result;
  if (fstat(path, &status) < 0) {
    result = -errno;
  } else if (!S_ISREG(status.st_mode)) {
    result = -EINVAL;
  } else {
    do result = open(linux_path_descriptor(path).text, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    while (result < 0 && errno == EINTR);
    if (result < 0) result = -errno;
  }
  close(path);
  return result;
}

static inline void linux_copy_status(const struct stat *from, struct linux_file_status *to) {
  *to = (struct linux_file_status){
      .device = from->st_dev,
      .inode = from->st_ino,
      .link_count = from->st_nlink,
      .device_number = from->st_rdev,
      .byte_count = (uint64_t)from->st_size,
      .block_byte_count = (uint64_t)from->st_blksize,
      .block_count = (uint64_t)from->st_blocks,
      .access_seconds = from->st_atim.tv_sec,
      .access_nanoseconds = from->st_atim.tv_nsec,
      .modification_seconds = from->st_mtim.tv_sec,
      .modification_nanoseconds = from->st_mtim.tv_nsec,
      .change_seconds = from->st_ctim.tv_sec,
      .change_nanoseconds = from->st_ctim.tv_nsec,
      .mode = from->st_mode,
      .user = from->st_uid,
      .group = from->st_gid};
}

/* Status of `name` in `directory`; with the empty name, of what the descriptor stands for. */
static inline int linux_status_at(int directory, const char *name, struct linux_file_status *status) {
  struct stat result;
  if (fstatat(directory, name, &result, LINUX_AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  linux_copy_status(&result, status);
  return 0;
}

static inline int linux_file_system_status(int descriptor, struct linux_file_system_status *status) {
  struct statfs result;
  if (fstatfs(descriptor, &result) < 0) return -errno;
  *status = (struct linux_file_system_status){
      .type = result.f_type,
      .block_byte_count = (uint64_t)result.f_bsize,
      .block_count = result.f_blocks,
      .free_block_count = result.f_bfree,
      .available_block_count = result.f_bavail,
      .file_count = result.f_files,
      .free_file_count = result.f_ffree,
      .identifier = (uint32_t)result.f_fsid.__val[0] | (uint64_t)(uint32_t)result.f_fsid.__val[1] << 32,
      .name_byte_limit = (uint64_t)result.f_namelen};
  return 0;
}

static inline int linux_make_directory(int directory, const char *name, unsigned int mode) {
  return mkdirat(directory, name, mode) < 0 ? -errno : 0;
}

static inline int linux_make_symbolic_link(const char *target, int directory, const char *name) {
  return symlinkat(target, directory, name) < 0 ? -errno : 0;
}

/* A FIFO or a socket: `mode` has the type, and there is no device number. */
static inline int linux_make_node(int directory, const char *name, unsigned int mode) {
  return mknodat(directory, name, mode, 0) < 0 ? -errno : 0;
}

/* makedev(3). */
static inline uint64_t linux_device_number(uint32_t major, uint32_t minor) { return makedev(major, minor); }

/* A hard link to what `descriptor` stands for, a symbolic link included. */
static inline int linux_link_in(int descriptors, int descriptor, int directory, const char *name) {
  struct linux_descriptor_name source = linux_name_descriptor(descriptor);
  return linkat(descriptors, source.text, directory, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static inline int linux_rename_in(int old_directory, const char *old_name, int new_directory, const char *new_name) {
  return renameat(old_directory, old_name, new_directory, new_name) < 0 ? -errno : 0;
}

static inline int linux_unlink_in(int directory, const char *name, int removes_directory) {
  return unlinkat(directory, name, removes_directory ? AT_REMOVEDIR : 0) < 0 ? -errno : 0;
}

static inline int64_t linux_read_link(int descriptor, char *target, size_t byte_count) {
  ssize_t result = readlinkat(descriptor, "", target, byte_count);
  return result < 0 ? -errno : result;
}

/* The number 2^32-1 keeps the owner, or the group. */
static inline int linux_change_owner(int descriptor, uint32_t user, uint32_t group) {
  return fchownat(descriptor, "", user, group, LINUX_AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static inline int linux_change_mode(int descriptors, int descriptor, unsigned int mode) {
  return fchmodat(descriptors, linux_name_descriptor(descriptor).text, mode, 0) < 0 ? -errno : 0;
}

/* Times in nanoseconds beside the seconds may be UTIME_NOW or UTIME_OMIT. */
static inline int linux_change_times(
    int descriptor, int64_t access_seconds, int64_t access_nanoseconds, int64_t modification_seconds,
    int64_t modification_nanoseconds) {
  struct timespec times[2] = {
      {.tv_sec = access_seconds, .tv_nsec = access_nanoseconds},
      {.tv_sec = modification_seconds, .tv_nsec = modification_nanoseconds}};
  long result = syscall(SYS_utimensat, descriptor, "", times, LINUX_AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
  return result < 0 ? -errno : 0;
}

static const int64_t LINUX_TIME_NOW = (1 << 30) - 1;
static const int64_t LINUX_TIME_OMIT = (1 << 30) - 2;

static inline int linux_truncate(int descriptor, int64_t byte_count) {
  int result;
  do result = ftruncate(descriptor, byte_count);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

static inline int linux_fsync(int descriptor) { return fsync(descriptor) < 0 ? -errno : 0; }

static inline int64_t linux_seek(int descriptor, int64_t position) {
  off_t result = lseek(descriptor, position, SEEK_SET);
  return result < 0 ? -errno : result;
}

/* getdents64(2): bytes of entries, 0 at the end. */
static inline int64_t linux_read_directory(int descriptor, void *buffer, size_t byte_count) {
  long result = syscall(SYS_getdents64, descriptor, buffer, byte_count);
  return result < 0 ? -errno : result;
}

/* Takes the entry at `record` apart, of which the kernel wrote `byte_count` bytes or more. */
static inline struct linux_directory_entry linux_directory_entry(const void *record, size_t byte_count) {
  const struct dirent *entry = (const struct dirent *)record;
  _Static_assert(sizeof entry->d_ino == 8 && sizeof entry->d_off == 8, "dirent is that of the kernel");
  size_t header = offsetof(struct dirent, d_name);
  size_t length = entry->d_reclen <= byte_count ? entry->d_reclen : byte_count;
  struct linux_directory_entry result = {
      .inode = entry->d_ino,
      .next_position = entry->d_off,
      .name = entry->d_name,
      .name_byte_count = (uint32_t)strnlen(entry->d_name, length > header ? length - header : 0),
      .record_byte_count = (uint32_t)length,
      .type = entry->d_type};
  return result;
}

/* Extended attributes of what `descriptor` stands for, O_PATH or not. */
static inline int64_t linux_get_attribute(int descriptor, const char *name, void *value, size_t byte_count) {
  ssize_t result = getxattr(linux_path_descriptor(descriptor).text, name, value, byte_count);
  return result < 0 ? -errno : result;
}

static inline int64_t linux_list_attributes(int descriptor, char *names, size_t byte_count) {
  ssize_t result = listxattr(linux_path_descriptor(descriptor).text, names, byte_count);
  return result < 0 ? -errno : result;
}

static inline int linux_set_attribute(
    int descriptor, const char *name, const void *value, size_t byte_count, int flags) {
  return setxattr(linux_path_descriptor(descriptor).text, name, value, byte_count, flags) < 0 ? -errno : 0;
}

static inline int linux_remove_attribute(int descriptor, const char *name) {
  return removexattr(linux_path_descriptor(descriptor).text, name) < 0 ? -errno : 0;
}

/* A lock of the open file, not of the process; never waits. `type` is F_RDLCK, F_WRLCK or F_UNLCK. */
static inline int linux_lock(int descriptor, int type, int64_t start, int64_t byte_count) {
  struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = byte_count};
  return fcntl(descriptor, LINUX_F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

/* Replaces the arguments by the first lock that is in the way; `type` becomes F_UNLCK where none is. */
static inline int linux_find_lock(int descriptor, int *type, int64_t *start, int64_t *byte_count, int32_t *process) {
  struct flock lock = {.l_type = (short)*type, .l_whence = SEEK_SET, .l_start = *start, .l_len = *byte_count};
  if (fcntl(descriptor, LINUX_F_OFD_GETLK, &lock) < 0) return -errno;
  *type = lock.l_type;
  *start = lock.l_start;
  *byte_count = lock.l_len;
  *process = lock.l_pid;
  return 0;
}

#endif
