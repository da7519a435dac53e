// Unix sockets and the directory that they live in, for Swift. Every function that can fail returns -errno.
#ifndef CLINUX_SOCKET_H
#define CLINUX_SOCKET_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

// Bytes of a path that fit into an address, its closing zero left out.
static inline int linux_socket_path_limit(void) { return sizeof(((struct sockaddr_un *)0)->sun_path) - 1; }

static inline int linux_socket_address(const char *path, struct sockaddr_un *address) {
  size_t byte_count = strlen(path);
  if (byte_count == 0) return -ENOENT;
  if (byte_count > (size_t)linux_socket_path_limit()) return -ENAMETOOLONG;
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, path, byte_count);
  return 0;
}

// A nonblocking socket of `type` that listens at `path`, which must not exist, and whose file gets `mode`.
static inline int linux_socket_listen_as(int type, const char *path, int backlog, mode_t mode) {
  struct sockaddr_un address;
  int error = linux_socket_address(path, &address);
  if (error < 0) return error;
  int result = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (result < 0) return -errno;
  // Before the file is there, so that nobody else finds it open: the file gets the socket's own mode.
  if (fchmod(result, mode) == 0 &&
      bind(result, (struct sockaddr *)&address, sizeof address) == 0) {
    if (listen(result, backlog) == 0) return result;
    error = -errno;
    unlink(path);
  } else {
    error = -errno;
  }
  close(result);
  return error;
}

// A nonblocking stream socket that listens at `path`, which must not exist; only its owner may connect.
static inline int linux_socket_listen(const char *path, int backlog) {
  return linux_socket_listen_as(SOCK_STREAM, path, backlog, S_IRUSR | S_IWUSR);
}

// Sends one datagram to the socket at `path`, or in the abstract namespace where it begins with '@': 0 or -errno.
static inline int linux_datagram_send(const char *path, const void *bytes, size_t byte_count) {
  struct sockaddr_un address;
  int error = linux_socket_address(path, &address);
  if (error < 0) return error;
  if (path[0] == '@') address.sun_path[0] = 0;
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] != '@'));
  int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  error = sendto(descriptor, bytes, byte_count, MSG_NOSIGNAL, (struct sockaddr *)&address, length) < 0 ? -errno : 0;
  close(descriptor);
  return error;
}

// Makes a socket that this process inherited nonblocking and closed on exec; -EINVAL if it is no Unix socket for packets
// that listens.
static inline int linux_packet_inherit(int descriptor) {
  int domain = 0, type = 0, listens = 0;
  socklen_t length = sizeof(int);
  if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 ||
      getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) < 0 ||
      getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) < 0)
    return -errno;
  if (domain != AF_UNIX || type != SOCK_SEQPACKET || !listens) return -EINVAL;
  int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0 ||
      fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0)
    return -errno;
  return 0;
}

// As above for packets; everybody may connect where `is_open_to_all`.
static inline int linux_packet_listen(const char *path, int backlog, int is_open_to_all) {
  mode_t owner = S_IRUSR | S_IWUSR;
  return linux_socket_listen_as(
      SOCK_SEQPACKET, path, backlog, is_open_to_all ? owner | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH : owner);
}

// Connects a socket of `type` to the listener at `path` without blocking: -EAGAIN if its queue is full.
static inline int linux_socket_connect_as(int type, const char *path) {
  struct sockaddr_un address;
  int error = linux_socket_address(path, &address);
  if (error < 0) return error;
  int result = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (result < 0) return -errno;
  if (connect(result, (struct sockaddr *)&address, sizeof address) == 0) return result;
  error = -errno;
  close(result);
  return error;
}

static inline int linux_socket_connect(const char *path) { return linux_socket_connect_as(SOCK_STREAM, path); }

static inline int linux_packet_connect(const char *path) { return linux_socket_connect_as(SOCK_SEQPACKET, path); }

static inline int linux_socket_accept(int descriptor) {
  int result = accept4(descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return result < 0 ? -errno : result;
}

static inline ssize_t linux_socket_receive(int descriptor, void *bytes, size_t byte_count) {
  ssize_t result;
  do result = recv(descriptor, bytes, byte_count, 0);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

// A reader that has gone away is -EPIPE, without SIGPIPE.
static inline ssize_t linux_socket_send(int descriptor, const void *bytes, size_t byte_count) {
  ssize_t result;
  do result = send(descriptor, bytes, byte_count, MSG_NOSIGNAL);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

// A nonblocking stream socket that listens at `path`, which must not exist; everybody may connect where `is_open_to_all`.
static inline int linux_stream_listen(const char *path, int backlog, int is_open_to_all) {
  mode_t everybody = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;
  return linux_socket_listen_as(SOCK_STREAM, path, backlog, is_open_to_all ? everybody : S_IRUSR | S_IWUSR);
}

// Two ends of a stream, nonblocking and closed on exec.
static inline int linux_stream_pair(int *first, int *second) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
  *first = ends[0];
  *second = ends[1];
  return 0;
}

// Descriptors that one packet carries at most, here as there.
#define LINUX_PACKET_DESCRIPTOR_LIMIT 8

// Sends one packet with `count` descriptors, at most LINUX_PACKET_DESCRIPTOR_LIMIT.
static inline ssize_t linux_packet_send(
    int descriptor, const void *bytes, size_t byte_count, const int *sent, int count) {
  struct iovec vector = {.iov_base = (void *)bytes, .iov_len = byte_count};
  union {
    char bytes[CMSG_SPACE(sizeof(int) * LINUX_PACKET_DESCRIPTOR_LIMIT)];
    struct cmsghdr alignment;
  } control;
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (count < 0 || count > LINUX_PACKET_DESCRIPTOR_LIMIT) return -EINVAL;
  if (count > 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(header), sent, sizeof(int) * (size_t)count);
  }
  ssize_t result;
  do result = sendmsg(descriptor, &message, MSG_NOSIGNAL);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

// Receives one packet and its descriptors, closed on exec, in an array of LINUX_PACKET_DESCRIPTOR_LIMIT; the caller owns
// `*count` of them, whatever the result. 0 at the end; -EMSGSIZE where bytes or descriptors did not fit.
static inline ssize_t linux_packet_receive(int descriptor, void *bytes, size_t byte_count, int *received, int *count) {
  struct iovec vector = {.iov_base = bytes, .iov_len = byte_count};
  union {
    char bytes[CMSG_SPACE(sizeof(int) * LINUX_PACKET_DESCRIPTOR_LIMIT)];
    struct cmsghdr alignment;
  } control;
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  *count = 0;
  ssize_t result;
  do result = recvmsg(descriptor, &message, MSG_CMSG_CLOEXEC);
  while (result < 0 && errno == EINTR);
  if (result < 0) return -errno;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t found = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t index = 0; index < found; index++) {
      int number;
      memcpy(&number, CMSG_DATA(header) + index * sizeof number, sizeof number);
      if (*count < LINUX_PACKET_DESCRIPTOR_LIMIT) received[(*count)++] = number;
      else close(number);
    }
  }
  return message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EMSGSIZE : result;
}

// Fails for a socket alone that is not connected any more, whose peer knows.
static inline void linux_socket_end_sending(int descriptor) { (void)shutdown(descriptor, SHUT_WR); }

// Ends a connection in both directions; the descriptor stays open.
static inline void linux_socket_end(int descriptor) { (void)shutdown(descriptor, SHUT_RDWR); }

// Who connected, as the kernel noted it then.
static inline int linux_peer_credentials(int descriptor, int *process, uint32_t *user, uint32_t *group) {
  // struct ucred, which sys/socket.h hides from most.
  struct { int32_t pid; uint32_t uid, gid; } credentials;
  socklen_t byte_count = sizeof credentials;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &byte_count) < 0) return -errno;
  *process = credentials.pid;
  *user = credentials.uid;
  *group = credentials.gid;
  return 0;
}

#define LINUX_SO_PEERGROUPS 59

// The supplementary groups of the process that connected: their number, or -ERANGE where there are more than `capacity`.
static inline int linux_peer_groups(int descriptor, uint32_t *groups, int capacity) {
  socklen_t byte_count = (socklen_t)(sizeof(uint32_t) * (size_t)capacity);
  if (getsockopt(descriptor, SOL_SOCKET, LINUX_SO_PEERGROUPS, groups, &byte_count) < 0) return -errno;
  return (int)(byte_count / sizeof(uint32_t));
}

// Waits until `descriptor` is ready (1), `wake_descriptor` is readable (2; -1: there is none), or the time is over or a
// signal arrived (0).
static inline int linux_socket_wait(int descriptor, int for_writing, int wake_descriptor, int milliseconds) {
  struct pollfd watched[2] = {
      {.fd = wake_descriptor, .events = POLLIN}, {.fd = descriptor, .events = for_writing ? POLLOUT : POLLIN}};
  int result = poll(watched, 2, milliseconds);
  if (result < 0) return errno == EINTR ? 0 : -errno;
  if (watched[0].revents != 0) return 2;
  return watched[1].revents != 0;
}

// The number of the process at the other end when it connected or listened; 0 where it is in a namespace of its own.
static inline int linux_socket_peer_process(int descriptor) {
  struct {
    pid_t process;
    uid_t user;
    gid_t group;
  } peer = {0};  // struct ucred of socket(7), which needs _GNU_SOURCE
  socklen_t byte_count = sizeof peer;
  return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &byte_count) < 0 ? -errno : peer.process;
}

// 1 for a socket, 0 for any other file; -ENOENT where nothing is.
static inline int linux_path_is_socket(const char *path) {
  struct stat status;
  if (lstat(path, &status) < 0) return -errno;
  return S_ISSOCK(status.st_mode);
}

static inline int linux_path_remove(const char *path) { return unlink(path) < 0 ? -errno : 0; }

// 1 where others than the owner may make and remove files in the directory, 0 where not.
static inline int linux_directory_is_writable_by_others(const char *path) {
  struct stat status;
  if (stat(path, &status) < 0) return -errno;
  return (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

// For its owner alone. One that exists is left as it is.
static inline int linux_directory_create(const char *path) {
  return mkdir(path, S_IRWXU) < 0 && errno != EEXIST ? -errno : 0;
}

// Keeps others out who lock the same file, until the descriptor is closed.
static inline int linux_descriptor_lock(int descriptor) {
  int result;
  do result = flock(descriptor, LOCK_EX);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

#endif
