// FUSE over io_uring (Linux 6.14, linux/fuse.h 7.42), which neither libfuse 3.14 nor Debian's headers have: the kernel puts a request
// into memory of ours, and takes the answer from there with the command that also asks for the next request.
#ifndef CFUSE_RING_H
#define CFUSE_RING_H

#include <errno.h>
#include <linux/fuse.h>
/* Before liburing.h, whose copy of it differs in a type. */
#include <linux/io_uring.h>
#include <liburing.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

// Commands of the file /dev/fuse (enum fuse_uring_cmd).
enum { CFUSE_RING_REGISTER = 1, CFUSE_RING_COMMIT_AND_FETCH = 2 };

// What a command says beside its number (struct fuse_uring_cmd_req), in the second half of an entry of 128 bytes.
struct cfuse_ring_command {
  uint64_t flags;
  uint64_t commit_id;
  uint16_t queue;
  uint8_t padding[6];
};

// struct fuse_uring_req_header: what the kernel writes for a request, and reads of its answer, beside the payload.
struct cfuse_ring_header {
  // struct fuse_in_header of a request, struct fuse_out_header of an answer.
  uint8_t message[128];
  // The structure that the request's operation begins with, if it has one.
  uint8_t argument[128];
  uint64_t flags;
  // The request's number.
  uint64_t commit_id;
  uint32_t payload_byte_count;
  uint32_t padding;
  uint64_t reserved;
};

// A place for one request in one of the kernel's queues. The kernel knows the header and the parts, which are the header and the
// payload.
struct cfuse_slot {
  struct cfuse_ring_header header;
  struct iovec parts[2];
  uint16_t queue;
  uint8_t is_answered;
};

// The queues of a ring (a type of its own, because other modules know liburing's too).
struct cfuse_ring {
  struct io_uring queues;
};

// Makes a ring for commands to `device`, off until cfuse_ring_enable(). Completions happen when its thread waits, and at no other time.
static inline int cfuse_ring_open(struct cfuse_ring *ring, unsigned int slot_count, int device) {
  struct io_uring_params parameters;
  memset(&parameters, 0, sizeof parameters);
  parameters.flags = IORING_SETUP_SQE128 | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
                     IORING_SETUP_DEFER_TASKRUN;
  int result = io_uring_queue_init_params(slot_count, &ring->queues, &parameters);
  if (result < 0) return result;
  result = io_uring_register_files(&ring->queues, &device, 1);
  if (result < 0) io_uring_queue_exit(&ring->queues);
  return result;
}

// Gives the ring to the calling thread, which alone uses it from now on.
static inline int cfuse_ring_enable(struct cfuse_ring *ring) {
  // Debian's liburing 2.3 has no symbol for it.
  if (syscall(SYS_io_uring_register, ring->queues.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0) return -errno;
  // Without it each wait looks the ring up among the process's files.
  int result = io_uring_register_ring_fd(&ring->queues);
  return result < 0 ? result : 0;
}

// Sends what is enqueued and closes the ring; what the kernel has not completed is cancelled.
static inline void cfuse_ring_close(struct cfuse_ring *ring) {
  if (io_uring_sq_ready(&ring->queues) > 0) io_uring_submit(&ring->queues);
  io_uring_queue_exit(&ring->queues);
}

// Enqueues a command about a slot, whose completion carries `token`. The ring has an entry for each slot, and a slot has one command
// under way.
static inline int cfuse_ring_enqueue(struct cfuse_ring *ring, struct cfuse_slot *slot, uint32_t operation, uint64_t token) {
  struct io_uring_sqe *entry = io_uring_get_sqe(&ring->queues);
  if (!entry) return -EBUSY;
  memset(entry, 0, 2 * sizeof *entry);
  entry->opcode = IORING_OP_URING_CMD;
  entry->flags = IOSQE_FIXED_FILE;
  entry->fd = 0;
  entry->cmd_op = operation;
  entry->user_data = token;
  if (operation == CFUSE_RING_REGISTER) {
    entry->addr = (uint64_t)(uintptr_t)slot->parts;
    entry->len = 2;
  }
  struct cfuse_ring_command command = {.commit_id = slot->header.commit_id, .queue = slot->queue};
  memcpy(entry->cmd, &command, sizeof command);
  return 0;
}

// Prepares the slot at the start of a page for the payload's memory.
static inline void cfuse_slot_prepare(struct cfuse_slot *slot, void *payload, size_t byte_count, uint16_t queue) {
  memset(slot, 0, sizeof *slot);
  slot->parts[0].iov_base = &slot->header;
  slot->parts[0].iov_len = sizeof slot->header;
  slot->parts[1].iov_base = payload;
  slot->parts[1].iov_len = byte_count;
  slot->queue = queue;
}

// Hands the enqueued commands to the kernel, waits for a completion and takes it: 0, or a negative errno (EINTR: a signal came).
static inline int cfuse_ring_wait(struct cfuse_ring *ring, uint64_t *token, int32_t *result) {
  unsigned int head = *ring->queues.cq.khead;
  if (io_uring_sq_ready(&ring->queues) > 0 || head == io_uring_smp_load_acquire(ring->queues.cq.ktail)) {
    int submitted = io_uring_submit_and_wait(&ring->queues, 1);
    if (submitted < 0) return submitted;
    // Pairs with the kernel's release store of the tail behind the completion that it announces.
    if (head == io_uring_smp_load_acquire(ring->queues.cq.ktail)) return -EINTR;
  }
  const struct io_uring_cqe *completion = &ring->queues.cq.cqes[head & ring->queues.cq.ring_mask];
  *token = completion->user_data;
  *result = completion->res;
  // The kernel may overwrite the completion as soon as it sees the head beyond it.
  io_uring_smp_store_release(ring->queues.cq.khead, head + 1);
  return 0;
}

// Puts an answer into the slot if its request is there and has none yet: 1, else 0. `parts` are struct fuse_out_header and the body. A
// body that lies in the payload's place is not copied.
static inline int cfuse_slot_answer(struct cfuse_slot *slot, const struct iovec *parts, int count) {
  if (!slot || slot->is_answered || parts[0].iov_len < sizeof(struct fuse_out_header)) return 0;
  struct fuse_out_header header;
  memcpy(&header, parts[0].iov_base, sizeof header);
  // A notification has the number 0, which no request has.
  if (header.unique != slot->header.commit_id) return 0;
  size_t byte_count = 0;
  for (int index = 1; index < count; index++) {
    char *target = (char *)slot->parts[1].iov_base + byte_count;
    if (parts[index].iov_len > slot->parts[1].iov_len - byte_count) {
      header.error = -EIO;
      byte_count = 0;
      break;
    }
    if (parts[index].iov_len > 0 && parts[index].iov_base != target)
      memmove(target, parts[index].iov_base, parts[index].iov_len);
    byte_count += parts[index].iov_len;
  }
  header.len = (uint32_t)(sizeof header + byte_count);
  memcpy(slot->header.message, &header, sizeof header);
  slot->header.payload_byte_count = (uint32_t)byte_count;
  slot->is_answered = 1;
  return 1;
}

// Sends an answer the way that its request came: by the slot, which may be null, or by writev(2).
static inline ssize_t cfuse_send(int device, struct cfuse_slot *slot, const struct iovec *parts, int count) {
  if (!cfuse_slot_answer(slot, parts, count)) return writev(device, parts, count);
  ssize_t byte_count = 0;
  for (int index = 0; index < count; index++) byte_count += (ssize_t)parts[index].iov_len;
  return byte_count;
}

#endif
