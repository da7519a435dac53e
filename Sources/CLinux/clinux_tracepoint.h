/* Counters of the kernel's tracepoints (perf_event_open(2)), for Swift. Failures are -errno. */
#ifndef CLINUX_TRACEPOINT_H
#define CLINUX_TRACEPOINT_H

#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Opens a counter of how often `thread` (0: the calling one) passes the tracepoint `id`. `leader` is the descriptor of the leader
   of its group; with -1 it leads a new group, which counts nothing before linux_tracepoint_start. It keeps no samples. */
static inline int linux_tracepoint_counter(uint64_t id, int thread, int leader) {
  struct perf_event_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.size = sizeof attributes;
  attributes.config = id;
  attributes.read_format = PERF_FORMAT_GROUP;
  attributes.disabled = leader < 0;
  int result = (int)syscall(SYS_perf_event_open, &attributes, thread, -1, leader, PERF_FLAG_FD_CLOEXEC);
  return result < 0 ? -errno : result;
}

/* Counts only passages whose fields fulfil `filter`. */
static inline int linux_tracepoint_set_filter(int counter, const char *filter) {
  return ioctl(counter, PERF_EVENT_IOC_SET_FILTER, filter) < 0 ? -errno : 0;
}

/* Lets the group of `leader` count. */
static inline int linux_tracepoint_start(int leader) {
  return ioctl(leader, PERF_EVENT_IOC_ENABLE, 0) < 0 ? -errno : 0;
}

/* The kernel's number of the calling thread. */
static inline int linux_current_thread_id(void) { return (int)syscall(SYS_gettid); }

#endif
