// SPDX-License-Identifier: GPL-2.0-or-later
/* Finding answers: the completion ring, and the driver's sleep. */

#include <linux/delay.h>
#include <linux/kthread.h>

#include "vext.h"

static blk_status_t vext_status(struct request *rq, u16 status, u64 byte_count)
{
	if (!status) {
		bool moves = req_op(rq) == REQ_OP_READ || req_op(rq) == REQ_OP_WRITE;

		return moves && byte_count != blk_rq_bytes(rq) ? BLK_STS_IOERR : BLK_STS_OK;
	}
	switch (status) {
	case EOPNOTSUPP:
		return BLK_STS_NOTSUPP;
	case ENOSPC:
		return BLK_STS_NOSPC;
	case ENOMEM:
	case EAGAIN:
		return BLK_STS_RESOURCE;
	default:
		return BLK_STS_IOERR;
	}
}

/* The host's storage does not take the operation: the block layer does without from now on. */
static void vext_do_without(struct request *rq)
{
	rq->rq_flags |= RQF_QUIET;
	if (req_op(rq) == REQ_OP_DISCARD)
		vext_disable_discard(rq->q);
	else if (req_op(rq) == REQ_OP_WRITE_ZEROES)
		vext_disable_write_zeroes(rq->q);
}

void vext_complete(struct request *rq)
{
	struct vext_request *request = blk_mq_rq_to_pdu(rq);

	if (unlikely(request->status == BLK_STS_NOTSUPP))
		vext_do_without(rq);
	if (likely(request->status != BLK_STS_RESOURCE))
		blk_mq_end_request(rq, request->status);
	else if (request->repetitions++ < VEXT_MAX_REPETITIONS)
		blk_mq_requeue_request(rq, true);
	else
		blk_mq_end_request(rq, BLK_STS_IOERR);
}

/* Leaves the queue to vext_check(), which fails the device and prints the reason. */
static void vext_break(struct vext_queue *q, const char *reason, u32 number)
{
	q->fault = reason;
	q->fault_number = number;
	smp_store_release(&q->is_broken, true); /* pairs with vext_check() */
	schedule_work(&q->device->check);
}

/* Takes the answers that are there. The caller has complete_lock. */
int vext_drain(struct vext_queue *q)
{
	int count = 0;

	while (!q->is_broken) {
		struct vext_completion *entry = &q->completions[q->complete_slot];
		/* Pairs with the device's release store, §4.7. */
		u64 announcement = le64_to_cpu(smp_load_acquire(&entry->announcement));
		u32 lap = announcement >> 32;
		u16 id = announcement >> 16;
		u16 status = announcement;
		struct vext_request *request;
		struct request *rq;

		if (lap == q->complete_lap - 1)
			break;
		if (lap != q->complete_lap) {
			vext_break(q, "a completion of a wrong lap in slot", q->complete_slot);
			break;
		}
		rq = id < q->depth ? xchg(&q->outstanding[id], NULL) : NULL;
		if (!rq) {
			vext_break(q, "an answer to no request, id", id);
			break;
		}
		request = blk_mq_rq_to_pdu(rq);
		request->status = vext_status(rq, status,
					      le64_to_cpu(READ_ONCE(entry->byte_count)));
		if (++q->complete_slot == q->depth) {
			q->complete_slot = 0;
			q->complete_lap++;
		}
		atomic_dec(&q->outstanding_count);
		if (likely(!blk_should_fake_timeout(rq->q)))
			blk_mq_complete_request(rq);
		count++;
	}
	return count;
}

/* As vext_drain(), from a process. */
int vext_drain_locked(struct vext_queue *q)
{
	unsigned long flags;
	int count;

	/* What the block layer defers to a softirq runs at the end of this, in this thread. */
	local_bh_disable();
	spin_lock_irqsave(&q->complete_lock, flags);
	count = vext_drain(q);
	spin_unlock_irqrestore(&q->complete_lock, flags);
	local_bh_enable();
	return count;
}

/* The driver's epoch: odd while it sleeps, §8.1. The caller has complete_lock. */
static void vext_next_epoch(struct vext_queue *q)
{
	q->epoch++;
	WRITE_ONCE(q->wake->driver, cpu_to_le64(q->epoch));
}

/* Publishes that the driver sleeps, and polls once more. Needs complete_lock, and no spinner. */
static int vext_sleep(struct vext_queue *q)
{
	int count = 0, more;

	for (;;) {
		vext_next_epoch(q);
		smp_mb(); /* store of the epoch before loads of the ring, §8.1 */
		more = vext_drain(q);
		if (!more)
			return count;
		count += more;
		vext_next_epoch(q);
	}
}

/* Puts a queue that was just enabled to sleep. Until here its wake block is zero, §8.1. */
void vext_await_interrupt(struct vext_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->complete_lock, flags);
	vext_sleep(q);
	spin_unlock_irqrestore(&q->complete_lock, flags);
}

irqreturn_t vext_interrupt(int irq, void *data)
{
	struct vext_queue *q = data;
	unsigned long flags;
	int count;

	spin_lock_irqsave(&q->complete_lock, flags);
	if (q->spinners) {
		/* Awake. The last submitter that spins puts the queue to sleep. */
		count = vext_drain(q);
	} else {
		vext_next_epoch(q);
		count = vext_drain(q);
		count += vext_sleep(q);
	}
	spin_unlock_irqrestore(&q->complete_lock, flags);
	/* A queue that stopped wakes its driver without an answer. */
	if (!count && atomic_read(&q->outstanding_count))
		schedule_work(&q->device->check);
	return IRQ_HANDLED;
}

static bool vext_has_answer(struct vext_queue *q)
{
	struct vext_completion *entry = &q->completions[READ_ONCE(q->complete_slot)];
	u32 lap = le64_to_cpu(READ_ONCE(entry->announcement)) >> 32;

	return lap != READ_ONCE(q->complete_lap) - 1;
}

/* Polls for the only request of the queue, for spin_us. */
void vext_spin(struct vext_queue *q, unsigned int limit)
{
	u64 deadline = ktime_get_ns() + (u64)limit * NSEC_PER_USEC;
	unsigned long flags;

	spin_lock_irqsave(&q->complete_lock, flags);
	if (!q->spinners++ && q->has_interrupt)
		vext_next_epoch(q);
	spin_unlock_irqrestore(&q->complete_lock, flags);

	while (atomic_read(&q->outstanding_count) == 1 && !need_resched()) {
		if (vext_has_answer(q) && vext_drain_locked(q))
			break;
		if (ktime_get_ns() > deadline)
			break;
		if (vext_is_cpu_shared(q))
			writel(1, q->registers + VEXT_QUEUE_YIELD);
		else
			cpu_relax();
	}

	spin_lock_irqsave(&q->complete_lock, flags);
	if (!--q->spinners && q->has_interrupt)
		vext_sleep(q);
	spin_unlock_irqrestore(&q->complete_lock, flags);
}

/* Polls while requests are out, where the device offers no interrupt. */
int vext_poller(void *data)
{
	struct vext_queue *q = data;

	while (!kthread_should_stop()) {
		set_current_state(TASK_IDLE);
		if (!atomic_read(&q->outstanding_count) && !kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
		while (atomic_read(&q->outstanding_count) && !READ_ONCE(q->is_broken) &&
		       !kthread_should_stop()) {
			if (!vext_drain_locked(q))
				cpu_relax();
			cond_resched();
		}
		/* Broken, with requests that vext_check() ends. */
		if (READ_ONCE(q->is_broken))
			msleep(20);
	}
	return 0;
}
