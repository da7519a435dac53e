// Building a tree of directories, links and files.
//
// Every function that can fail returns -errno.
#ifndef CLINUX_TREE_H
#define CLINUX_TREE_H

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The index of the first byte that is `byte`; `byte_count` if there is none.
static inline size_t linux_index_of_byte(const void *bytes, size_t byte_count, unsigned char byte) {
  const char *found = memchr(bytes, byte, byte_count);
  return found ? (size_t)(found - (const char *)bytes) : byte_count;
}

// The index after the last byte that is `byte`; 0 if there is none.
static inline size_t linux_index_behind_last_byte(const void *bytes, size_t byte_count, unsigned char byte) {
  size_t index = byte_count;
  while (index > 0 && ((const unsigned char *)bytes)[index - 1] != byte) index--;
  return index;
}

// Whatever the umask is.
static inline int linux_chmod(const char *path, unsigned int mode) { return chmod(path, mode) < 0 ? -errno : 0; }

static inline ssize_t linux_write(int descriptor, const void *buffer, size_t byte_count) {
  ssize_t result;
  do result = write(descriptor, buffer, byte_count);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

// The size of a regular file; -EINVAL if it is something else.
static inline int64_t linux_regular_file_size(int descriptor) {
  struct stat status;
  if (fstat(descriptor, &status) < 0) return -errno;
  return S_ISREG(status.st_mode) ? status.st_size : -EINVAL;
}

// A symbolic link counts itself.
static inline int linux_path_exists(const char *path) {
  struct stat status;
  return lstat(path, &status) == 0;
}

// A symbolic link counts as what it leads to.
static inline int linux_path_is_directory(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static inline int linux_path_is_regular_file(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

#endif
