/* io_uring through liburing. Every function returns a value >= 0, or -errno. */
#ifndef CURING_H
#define CURING_H

#include <errno.h>
#include <linux/falloc.h>
/* Before liburing.h, whose copy of it differs in a type: swift-system imports the kernel's. */
#include <linux/io_uring.h>
#include <liburing.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CURING_INLINE static inline __attribute__((always_inline))

// Rings that the kernel makes: entries at most (IORING_MAX_ENTRIES of io_uring/io_uring.h).
#define CURING_ENTRY_LIMIT 32768u

// The kernel goes on behind a request that it refuses: the refusal is a completion like others (Linux 5.18). The ring takes no
// requests until curing_restrict().
static inline int curing_open(struct io_uring *ring, unsigned int entry_count) {
  struct io_uring_params parameters;
  memset(&parameters, 0, sizeof parameters);
  parameters.flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED;
  return io_uring_queue_init_params(entry_count, ring, &parameters);
}

static inline void curing_close(struct io_uring *ring) { io_uring_queue_exit(ring); }

// The operations that this project uses.
enum { CURING_OPERATION_COUNT = 8 };
static const uint8_t curing_operations[CURING_OPERATION_COUNT] = {
    IORING_OP_READV, IORING_OP_WRITEV,     IORING_OP_READ,        IORING_OP_WRITE,
    IORING_OP_FSYNC, IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED, IORING_OP_FALLOCATE};

// 1 if the kernel knows every operation that this project uses, else 0.
static inline int curing_knows_operations(struct io_uring *ring) {
  struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
  if (!probe) return 0;
  int known = 1;
  for (unsigned int index = 0; index < CURING_OPERATION_COUNT; index++)
    known = known && io_uring_opcode_supported(probe, curing_operations[index]);
  io_uring_free_probe(probe);
  return known;
}

// Enables the ring, from now on for the operations above, registered files, and changes of its tables alone (Linux 5.10).
static inline int curing_restrict(struct io_uring *ring) {
  static const uint8_t registrations[] = {IORING_REGISTER_PROBE, IORING_REGISTER_FILES_UPDATE,
                                          IORING_REGISTER_FILES_UPDATE2, IORING_REGISTER_BUFFERS_UPDATE};
  struct io_uring_restriction rules[CURING_OPERATION_COUNT + sizeof registrations + 1];
  memset(rules, 0, sizeof rules);
  unsigned int count = 0;
  for (unsigned int index = 0; index < CURING_OPERATION_COUNT; index++, count++) {
    rules[count].opcode = IORING_RESTRICTION_SQE_OP;
    rules[count].sqe_op = curing_operations[index];
  }
  for (unsigned int index = 0; index < sizeof registrations; index++, count++) {
    rules[count].opcode = IORING_RESTRICTION_REGISTER_OP;
    rules[count].register_op = registrations[index];
  }
  rules[count].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
  rules[count].sqe_flags = IOSQE_FIXED_FILE;
  // Debian's liburing 2.3 has no symbols for these two.
  if (syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_RESTRICTIONS, rules, count + 1) < 0) return -errno;
  return syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0 ? -errno : 0;
}

// Flags of an entry (enum constants and shifted macros that do not import).
static const uint8_t CURING_FIXED_FILE = IOSQE_FIXED_FILE;
static const int CURING_RWF_DSYNC = 2; /* RWF_DSYNC of linux/fs.h */

// Fills the next entry of the submission queue: 1, or 0 where it is full.
CURING_INLINE int curing_enqueue(struct io_uring *ring, uint8_t operation, uint8_t flags, int file, uint64_t address,
                                 uint32_t length, uint64_t offset, uint32_t operation_flags, uint16_t buffer,
                                 uint64_t token) {
  struct io_uring_sqe *entry = io_uring_get_sqe(ring);
  if (!entry) return 0;
  io_uring_prep_rw(operation, entry, file, (const void *)(uintptr_t)address, length, offset);
  entry->flags = flags;
  entry->rw_flags = (__kernel_rwf_t)operation_flags;
  entry->buf_index = buffer;
  entry->user_data = token;
  return 1;
}

// Hands everything enqueued to the kernel in one system call: the number of entries that it took.
static inline int curing_submit(struct io_uring *ring) { return io_uring_submit(ring); }

// Takes the oldest completion, without a system call: 1, or 0 where there is none.
CURING_INLINE int curing_take(struct io_uring *ring, uint64_t *token, int32_t *result) {
  unsigned int head = *ring->cq.khead;
  // Pairs with the kernel's release store of the tail behind the entry that it announces.
  if (head == io_uring_smp_load_acquire(ring->cq.ktail)) return 0;
  const struct io_uring_cqe *entry = &ring->cq.cqes[head & ring->cq.ring_mask];
  *token = entry->user_data;
  *result = entry->res;
  // The kernel may overwrite the entry as soon as it sees the head beyond it.
  io_uring_smp_store_release(ring->cq.khead, head + 1);
  return 1;
}

// Waits until there are `count` completions, or a signal comes.
static inline int curing_wait(struct io_uring *ring, unsigned int count) {
  struct io_uring_cqe *entry;
  return io_uring_wait_cqe_nr(ring, &entry, count);
}

static inline int curing_register_event(struct io_uring *ring, int event) {
  return io_uring_register_eventfd(ring, event);
}

// Makes tables of `file_count` files and `buffer_count` buffers without any in them (Linux 5.19).
static inline int curing_make_tables(struct io_uring *ring, unsigned int file_count, unsigned int buffer_count) {
  int result = io_uring_register_files_sparse(ring, file_count);
  return result < 0 ? result : io_uring_register_buffers_sparse(ring, buffer_count);
}

static inline int curing_set_file(struct io_uring *ring, unsigned int index, int file) {
  return io_uring_register_files_update(ring, index, &file, 1);
}

// Pins the memory; an empty buffer gives up what was there.
static inline int curing_set_buffer(struct io_uring *ring, unsigned int index, void *base, size_t byte_count) {
  struct iovec buffer = {base, byte_count};
  __u64 tag = 0;
  return io_uring_register_buffers_update_tag(ring, index, &buffer, &tag, 1);
}

#endif
