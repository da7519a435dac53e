// The user-space TCP/IP stack libslirp, 4.7 or later.
#ifndef CSLIRP_H
#define CSLIRP_H

#include <poll.h>
#include <slirp/libslirp.h>

// `address` in the host's byte order.
static inline struct in_addr cslirp_address(uint32_t address) {
  struct in_addr result = {htonl(address)};
  return result;
}

#endif
