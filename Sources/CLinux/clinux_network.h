/* Network frames and tap interfaces for Swift: calls that return a count, a descriptor or -errno. */
#ifndef CLINUX_NETWORK_H
#define CLINUX_NETWORK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* MARK: Frames */

static inline int linux_set_nonblocking(int descriptor) {
  int flags = fcntl(descriptor, F_GETFL);
  return flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* Two ends of a socket that keeps the bounds of what is written, nonblocking and close-on-exec. */
static inline int linux_frame_socket_pair(int *first, int *second) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
  int byte_count = 1 << 20;
  /* The kernel takes as much as net.core.wmem_max allows; less is slower, not wrong. */
  for (int index = 0; index < 2; index++)
    (void)setsockopt(ends[index], SOL_SOCKET, SO_SNDBUF, &byte_count, sizeof byte_count);
  *first = ends[0];
  *second = ends[1];
  return 0;
}

static inline ssize_t linux_readv(int descriptor, const struct iovec *vectors, int count) {
  ssize_t result;
  do result = readv(descriptor, vectors, count);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

static inline ssize_t linux_writev(int descriptor, const struct iovec *vectors, int count) {
  ssize_t result;
  do result = writev(descriptor, vectors, count);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

/* The length of the message, even where less was copied; 0 when the peer is gone. */
static inline ssize_t linux_receive_message(int descriptor, struct iovec *vectors, int count) {
  struct msghdr message = {.msg_iov = vectors, .msg_iovlen = (size_t)count};
  ssize_t result;
  do result = recvmsg(descriptor, &message, MSG_DONTWAIT | MSG_TRUNC);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

/* EPIPE instead of a signal when the peer is gone. */
static inline ssize_t linux_send_message(int descriptor, struct iovec *vectors, int count) {
  struct msghdr message = {.msg_iov = vectors, .msg_iovlen = (size_t)count};
  ssize_t result;
  do result = sendmsg(descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

/* poll(2); 0 after a timeout and after a signal. */
static inline int linux_poll(struct pollfd *descriptors, unsigned long count, int timeout_milliseconds) {
  int result = poll(descriptors, count, timeout_milliseconds);
  return result >= 0 ? result : errno == EINTR ? 0 : -errno;
}

/* MARK: Tap interfaces */

static const int LINUX_INTERFACE_NAME_BYTE_COUNT = IFNAMSIZ;
static const unsigned int LINUX_TAP_CHECKSUM = TUN_F_CSUM;
static const unsigned int LINUX_TAP_SEGMENTATION_4 = TUN_F_TSO4;
static const unsigned int LINUX_TAP_SEGMENTATION_6 = TUN_F_TSO6;

/* `name` has room for IFNAMSIZ bytes: in, the name wanted or a pattern like tap%d; out, the interface's. */
/* Requests for filters of system calls (macros that do not import). */
static const unsigned long LINUX_TUN_GET_INTERFACE = TUNGETIFF;
static const unsigned long LINUX_TUN_SET_HEADER_SIZE = TUNSETVNETHDRSZ;
static const unsigned long LINUX_TUN_SET_OFFLOADS = TUNSETOFFLOAD;
static const unsigned long LINUX_TUN_SET_QUEUE = TUNSETQUEUE;

static inline int linux_tap_attach(int descriptor, char *name, int is_multi_queue) {
  struct ifreq request = {0};
  memcpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (is_multi_queue ? IFF_MULTI_QUEUE : 0));
  if (ioctl(descriptor, TUNSETIFF, &request) < 0) return -errno;
  memcpy(name, request.ifr_name, IFNAMSIZ);
  return 0;
}

/* What a descriptor of a tap or macvtap is attached to: EINVAL unless it carries Ethernet frames without a prefix.
   Returns whether there is a virtio header before each frame. */
static inline int linux_tap_describe(int descriptor, char *name) {
  struct ifreq request = {0};
  if (ioctl(descriptor, TUNGETIFF, &request) < 0) return -errno;
  if ((request.ifr_flags & (IFF_TAP | IFF_NO_PI)) != (IFF_TAP | IFF_NO_PI)) return -EINVAL;
  memcpy(name, request.ifr_name, IFNAMSIZ);
  name[IFNAMSIZ - 1] = 0;
  return (request.ifr_flags & IFF_VNET_HDR) != 0;
}

static inline int linux_tap_set_header(int descriptor, int byte_count) {
  return ioctl(descriptor, TUNSETVNETHDRSZ, &byte_count) < 0 ? -errno : 0;
}

/* The kinds of unfinished frames that the reader takes. */
static inline int linux_tap_set_offloads(int descriptor, unsigned int offloads) {
  return ioctl(descriptor, TUNSETOFFLOAD, (unsigned long)offloads) < 0 ? -errno : 0;
}

/* Whether a queue of a multi-queue tap takes part. */
static inline int linux_tap_set_attached(int descriptor, int is_attached) {
  struct ifreq request = {0};
  request.ifr_flags = is_attached ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE;
  return ioctl(descriptor, TUNSETQUEUE, &request) < 0 ? -errno : 0;
}

static inline int linux_interface_request(const char *name, unsigned long operation, struct ifreq *request) {
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) return -errno;
  strncpy(request->ifr_name, name, IFNAMSIZ - 1);
  int result = ioctl(control, operation, request) < 0 ? -errno : 0;
  close(control);
  return result;
}

/* `address` in the host's byte order. */
static inline int linux_interface_set_address(const char *name, uint32_t address) {
  struct ifreq request = {0};
  struct sockaddr_in internet = {.sin_family = AF_INET, .sin_addr = {htonl(address)}};
  memcpy(&request.ifr_addr, &internet, sizeof internet);
  return linux_interface_request(name, SIOCSIFADDR, &request);
}

/* The first `prefix_length` bits, of 32, are the network's. */
static inline int linux_interface_set_prefix(const char *name, int prefix_length) {
  struct ifreq request = {0};
  uint32_t mask = prefix_length <= 0 ? 0 : UINT32_MAX << (prefix_length >= 32 ? 0 : 32 - prefix_length);
  struct sockaddr_in internet = {.sin_family = AF_INET, .sin_addr = {htonl(mask)}};
  memcpy(&request.ifr_netmask, &internet, sizeof internet);
  return linux_interface_request(name, SIOCSIFNETMASK, &request);
}

static inline int linux_interface_set_mtu(const char *name, int byte_count) {
  struct ifreq request = {.ifr_mtu = byte_count};
  return linux_interface_request(name, SIOCSIFMTU, &request);
}

/* `address` is six bytes. */
static inline int linux_interface_set_hardware_address(const char *name, const uint8_t *address) {
  struct ifreq request = {0};
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  memcpy(request.ifr_hwaddr.sa_data, address, 6);
  return linux_interface_request(name, SIOCSIFHWADDR, &request);
}

static inline int linux_interface_bring_up(const char *name) {
  struct ifreq request = {0};
  int result = linux_interface_request(name, SIOCGIFFLAGS, &request);
  if (result < 0) return result;
  request.ifr_flags |= IFF_UP | IFF_RUNNING;
  return linux_interface_request(name, SIOCSIFFLAGS, &request);
}

/* Gives the calling thread a network namespace of its own, without interfaces but the loopback. */
static inline int linux_unshare_network(void) {
  /* Declared by hand: whether Glibc's headers show CLONE_NEWNET depends on who includes them first. */
  const long new_network = 0x40000000;
  return syscall(SYS_unshare, new_network) < 0 ? -errno : 0;
}

/* MARK: Scripts */

/* Runs the program at `path` with one argument, no signal blocked, and waits for its end: its exit status, 128 + the
   signal that killed it, or -errno. */
static inline int linux_run_program(const char *path, const char *argument) {
  extern char **environ;
  posix_spawnattr_t attributes;
  int error = posix_spawnattr_init(&attributes);
  if (error != 0) return -error;
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  char *const arguments[] = {(char *)path, (char *)argument, NULL};
  pid_t process;
  error = posix_spawn(&process, path, NULL, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return -error;
  int status;
  while (waitpid(process, &status, 0) < 0)
    if (errno != EINTR) return -errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
