/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block driver for the vext queue: docs/vext-protocol.md, whose sections the comments name.
 *
 * A hardware queue is a vext queue. A request's tag is its id. The device belongs to the guest's
 * host, which does not translate addresses: all are guest-physical, without the DMA API.
 *
 * How the driver finds an answer depends on the device and on the module's parameters:
 *  - the submitter polls a polled hardware queue itself (poll_queues; IORING_SETUP_IOPOLL);
 *  - else, a submitter whose request is alone in its queue polls for spin_us, and yields between
 *    polls while the host says that others need the CPU;
 *  - else, the queue's interrupt; where the device offers none, a kernel thread polls while
 *    requests are outstanding.
 */
#ifndef VEXT_H
#define VEXT_H

#include <linux/blk-mq.h>
#include <linux/interrupt.h>
#include <linux/pci.h>
#include <linux/version.h>

#include "protocol.h"

#define VEXT_MAX_SEGMENTS 256
#define VEXT_LIST_BYTES (VEXT_MAX_SEGMENTS * sizeof(struct vext_segment))
/* How often a request that waits makes the driver read its queue's state. */
#define VEXT_STATE_CHECK_INTERVAL (2 * HZ)
/* Resets by the host that the driver makes up for. */
#define VEXT_MAX_RECOVERIES 3
/* How often a request is submitted again that the host was short of resources for. */
#define VEXT_MAX_REPETITIONS 5

struct vext_device;

struct vext_queue {
	struct vext_device *device;
	void __iomem *registers;
	unsigned int index;
	unsigned int depth;
	bool polled;
	bool has_interrupt;
	char name[32];

	/* Guards what follows, and the submission ring. */
	spinlock_t submit_lock ____cacheline_aligned_in_smp;
	struct vext_submission *submissions;
	u32 submit_slot;
	u32 submit_lap;
	u64 rung_epoch;

	/* Guards what follows, and the completion ring. Taken with interrupts off. */
	spinlock_t complete_lock ____cacheline_aligned_in_smp;
	struct vext_completion *completions;
	u32 complete_slot;
	u32 complete_lap;
	u64 epoch;
	unsigned int spinners;
	const char *fault;
	u32 fault_number;
	bool is_broken;

	/* By id. The submitter sets an entry; the holder of complete_lock takes it. */
	struct request **outstanding;
	atomic_t outstanding_count;

	struct vext_wake_block *wake;
	struct vext_segment *lists;
	size_t ring_bytes;
	size_t list_bytes;
	struct task_struct *poller;
};

struct vext_device {
	struct pci_dev *pci;
	void __iomem *registers;
	struct gendisk *disk;
	struct blk_mq_tag_set tags;
	struct vext_queue *queues;
	unsigned int queue_count;
	unsigned int polled_count;
	unsigned int depth;
	int index;
	u64 features;
	u64 capacity;
	u32 block_size;
	u32 max_transfer;
	u32 max_segments;
	u32 max_range;
	u32 flags;
	unsigned int recoveries;
	bool is_dead;
	struct work_struct check;
};

struct vext_request {
	blk_status_t status;
	unsigned int repetitions;
};

static inline u32 vext_queue_state(struct vext_queue *q)
{
	return readl(q->registers + VEXT_QUEUE_STATE);
}

/* Whether other threads of the host wait for this guest's CPUs, §8.2. */
static inline bool vext_is_cpu_shared(struct vext_queue *q)
{
	return q->device->features & VEXT_FEATURE_CONTENTION &&
	       READ_ONCE(q->wake->contention) & cpu_to_le64(VEXT_SHARED_CPU);
}

static inline void vext_write64(u64 value, void __iomem *address)
{
	writel(lower_32_bits(value), address);
	writel(upper_32_bits(value), address + 4);
}

static inline u64 vext_read64(void __iomem *address)
{
	u64 low = readl(address);

	return low | (u64)readl(address + 4) << 32;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define vext_disable_discard(queue) blk_queue_disable_discard(queue)
#define vext_disable_write_zeroes(queue) blk_queue_disable_write_zeroes(queue)
#else
#define vext_disable_discard(queue) blk_queue_max_discard_sectors(queue, 0)
#define vext_disable_write_zeroes(queue) blk_queue_max_write_zeroes_sectors(queue, 0)
#endif

/* completion.c */
int vext_drain(struct vext_queue *q);
int vext_drain_locked(struct vext_queue *q);
void vext_complete(struct request *rq);
void vext_spin(struct vext_queue *q, unsigned int limit);
void vext_await_interrupt(struct vext_queue *q);
irqreturn_t vext_interrupt(int irq, void *data);
int vext_poller(void *data);

/* submission.c */
extern const struct blk_mq_ops vext_queue_ops;

/* queues.c */
int vext_create_queues(struct vext_device *device);
void vext_destroy_queues(struct vext_device *device);
void vext_check(struct work_struct *work);

#endif
