/*
 * A plugin for QEMU's TCG that counts the instructions of a micro guest, for scripts/guest-instructions.
 *
 * The guest reads the clock (RDTSC) once for each request that is answered. The plugin counts the distinct instructions that a CPU executes
 * between two such looks: an instruction of a loop that waits counts once, however long the guest waits, and PAUSE does not count. With one request in flight
 * that is the guest's whole path of a request, and does not depend on time.
 *
 * The guest's image lies where no program of the virtual host lies once its kernel runs. The counts go to a file in shared memory, which
 * stays when QEMU is killed: for each address of a RDTSC a histogram of counts.
 *
 * Arguments: out=FILE, base=ADDRESS and size=BYTES of the guest's image.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* QEMU's interface for plugins, version 1, as far as it is used; QEMU itself has no package of headers. */
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { PLUGIN_VERSION = 1, NO_REGISTERS = 0 };
typedef void (*translated)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*executed)(unsigned int cpu, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, translated);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, executed, int flags, void *data);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = PLUGIN_VERSION;

enum { MARK_LIMIT = 16, COUNT_LIMIT = 4096, CPU_LIMIT = 64, LARGEST_IMAGE = 4 << 20 };

/* The file: zero where nothing was seen. */
struct mark {
  _Atomic uint64_t address;
  /* How often a segment that ended here had this number of instructions; the last one: or more. */
  _Atomic uint64_t segments[COUNT_LIMIT];
};

/* What a CPU has executed since it last came to each mark. */
struct progress {
  uint32_t segment[MARK_LIMIT];
  uint32_t count[MARK_LIMIT];
  /* The number of the segment in which an instruction was last executed, by its place in the image. */
  uint32_t *seen[MARK_LIMIT];
};

static struct mark *marks;
static struct progress progress[CPU_LIMIT];
static uint64_t base, size;

/* The place of `address` among the marks, which gets one if it is new; -1 if there are too many. */
static int mark_of(uint64_t address) {
  for (int place = 0; place < MARK_LIMIT; place++) {
    uint64_t known = 0;
    if (atomic_compare_exchange_strong(&marks[place].address, &known, address) || known == address) return place;
  }
  return -1;
}

static void on_instruction(unsigned int cpu, void *data) {
  if (cpu >= CPU_LIMIT) return;
  struct progress *own = &progress[cpu];
  uint64_t offset = (uintptr_t)data;
  for (int place = 0; place < MARK_LIMIT && own->seen[place] != NULL; place++) {
    if (own->seen[place][offset] == own->segment[place]) continue;
    own->seen[place][offset] = own->segment[place];
    own->count[place]++;
  }
}

static void on_mark(unsigned int cpu, void *data) {
  on_instruction(cpu, data);
  int place = mark_of(base + (uintptr_t)data);
  if (cpu >= CPU_LIMIT || place < 0) return;
  struct progress *own = &progress[cpu];
  /* From the first mark on, so that the loops above end at the first that is free. */
  for (int each = 0; each <= place; each++) {
    if (own->seen[each] != NULL) continue;
    own->seen[each] = calloc(size, sizeof *own->seen[each]);
    if (own->seen[each] == NULL) return;
    own->segment[each] = 1;
  }
  /* The first segment began somewhere before. */
  if (own->segment[place] > 1) {
    uint32_t count = own->count[place] < COUNT_LIMIT ? own->count[place] : COUNT_LIMIT - 1;
    atomic_fetch_add_explicit(&marks[place].segments[count], 1, memory_order_relaxed);
  }
  own->count[place] = 0;
  /* After 2^32 segments numbers come again, and count a few instructions too few. */
  own->segment[place]++;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
  (void)id;
  static const uint8_t ticks[] = {0x0F, 0x31}, pause[] = {0xF3, 0x90};
  for (size_t place = 0; place < qemu_plugin_tb_n_insns(block); place++) {
    struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, place);
    uint64_t offset = qemu_plugin_insn_vaddr(instruction) - base;
    if (offset >= size) continue;
    size_t length = qemu_plugin_insn_size(instruction);
    const void *bytes = qemu_plugin_insn_data(instruction);
    if (length == sizeof pause && memcmp(bytes, pause, length) == 0) continue;
    int is_mark = length == sizeof ticks && memcmp(bytes, ticks, length) == 0;
    qemu_plugin_register_vcpu_insn_exec_cb(
        instruction, is_mark ? on_mark : on_instruction, NO_REGISTERS, (void *)(uintptr_t)offset);
  }
}

static int fail(const char *what) {
  fprintf(stderr, "instructions: error: %s\n", what);
  return -1;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv) {
  (void)info;
  const char *path = NULL;
  for (int place = 0; place < argc; place++) {
    if (strncmp(argv[place], "out=", 4) == 0) path = argv[place] + 4;
    else if (strncmp(argv[place], "base=", 5) == 0) base = strtoull(argv[place] + 5, NULL, 0);
    else if (strncmp(argv[place], "size=", 5) == 0) size = strtoull(argv[place] + 5, NULL, 0);
    else return fail("an argument is none of out=, base= and size=");
  }
  if (path == NULL || size == 0 || size > LARGEST_IMAGE) return fail("out=, base= and size= are needed");
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0 || ftruncate(file, sizeof *marks * MARK_LIMIT) < 0) return fail(strerror(errno));
  marks = mmap(NULL, sizeof *marks * MARK_LIMIT, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (marks == MAP_FAILED) return fail(strerror(errno));
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  return 0;
}
