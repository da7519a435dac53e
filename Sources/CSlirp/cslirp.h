// The user-space TCP/IP stack libslirp, 4.7 or later: loaded when it is first needed, since it and GLib would cost every
// start of a program half a millisecond.
#ifndef CSLIRP_H
#define CSLIRP_H

#include <dlfcn.h>
#include <poll.h>
#include <stddef.h>
#include <slirp/libslirp.h>

// The functions of libslirp that are used.
struct cslirp_functions {
  __typeof__(slirp_new) *new_instance;
  __typeof__(slirp_cleanup) *cleanup;
  __typeof__(slirp_add_hostfwd) *add_hostfwd;
  __typeof__(slirp_input) *input;
  __typeof__(slirp_pollfds_fill) *pollfds_fill;
  __typeof__(slirp_pollfds_poll) *pollfds_poll;
  __typeof__(slirp_handle_timer) *handle_timer;
};

// Loads the library named as dlopen(3) takes it, for good. Returns NULL, or else why it could not be: a text that lasts
// until the thread's next call of the loader.
static inline const char *cslirp_load(const char *name, struct cslirp_functions *functions) {
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return dlerror();
#define CSLIRP_FIND(member, symbol)                                       \
  functions->member = (__typeof__(functions->member))dlsym(library, symbol); \
  if (functions->member == NULL) return dlerror();
  CSLIRP_FIND(new_instance, "slirp_new")
  CSLIRP_FIND(cleanup, "slirp_cleanup")
  CSLIRP_FIND(add_hostfwd, "slirp_add_hostfwd")
  CSLIRP_FIND(input, "slirp_input")
  CSLIRP_FIND(pollfds_fill, "slirp_pollfds_fill")
  CSLIRP_FIND(pollfds_poll, "slirp_pollfds_poll")
  CSLIRP_FIND(handle_timer, "slirp_handle_timer")
#undef CSLIRP_FIND
  return NULL;
}

// `address` in the host's byte order.
static inline struct in_addr cslirp_address(uint32_t address) {
  struct in_addr result = {htonl(address)};
  return result;
}

#endif
