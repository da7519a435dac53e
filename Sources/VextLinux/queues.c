// SPDX-License-Identifier: GPL-2.0-or-later
/* The life of the queues: set-up, recovery from a reset by the host, failure. */

#include <linux/kthread.h>

#include "vext.h"

/* Fills the rings with zeroes and enables the queue, §5.1. Nothing is outstanding. */
static int vext_enable(struct vext_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->complete_lock, flags);
	memset(q->submissions, 0, q->ring_bytes);
	q->submit_slot = 0;
	q->submit_lap = 1;
	q->rung_epoch = 0;
	q->complete_slot = 0;
	q->complete_lap = 1;
	q->spinners = 0;
	q->is_broken = false;
	q->epoch = 0;
	spin_unlock_irqrestore(&q->complete_lock, flags);

	vext_write64(virt_to_phys(q->submissions), q->registers + VEXT_QUEUE_SUBMISSION_RING);
	vext_write64(virt_to_phys(q->completions), q->registers + VEXT_QUEUE_COMPLETION_RING);
	vext_write64(virt_to_phys(q->wake), q->registers + VEXT_QUEUE_WAKE_BLOCK);
	writel(q->depth, q->registers + VEXT_QUEUE_DEPTH);
	writel(1, q->registers + VEXT_QUEUE_CONTROL);
	if (vext_queue_state(q) != VEXT_STATE_ENABLED) {
		dev_err(&q->device->pci->dev, "queue %u: the device refuses it: error %u\n",
			q->index, readl(q->registers + VEXT_QUEUE_ERROR));
		return -EIO;
	}
	if (q->has_interrupt)
		vext_await_interrupt(q);
	return 0;
}

/* After this nothing is in flight, and the device touches neither rings nor data. */
static void vext_disable(struct vext_queue *q)
{
	writel(0, q->registers + VEXT_QUEUE_CONTROL);
}

/* Ends what a disabled queue left, or gives it back to the block layer. */
static void vext_end_outstanding(struct vext_queue *q, bool again)
{
	unsigned int id;

	for (id = 0; id < q->depth; id++) {
		struct request *rq = xchg(&q->outstanding[id], NULL);
		struct vext_request *request;

		if (!rq)
			continue;
		atomic_dec(&q->outstanding_count);
		request = blk_mq_rq_to_pdu(rq);
		request->status = again ? BLK_STS_RESOURCE : BLK_STS_IOERR;
		blk_mq_complete_request(rq);
	}
}

/* Whether the queue stopped or broke, so that the device cannot go on. Prints why. */
static bool vext_is_lost(struct vext_queue *q, u32 state)
{
	struct device *dev = &q->device->pci->dev;

	if (smp_load_acquire(&q->is_broken)) { /* pairs with vext_break() */
		dev_err(dev, "queue %u: %s %u: the device is given up\n", q->index, q->fault,
			q->fault_number);
		return true;
	}
	if (state == VEXT_STATE_DISABLED || state == VEXT_STATE_ENABLED)
		return false;
	dev_err(dev, "queue %u stopped: error %u, detail %llu: the device is given up\n", q->index,
		readl(q->registers + VEXT_QUEUE_ERROR),
		vext_read64(q->registers + VEXT_QUEUE_ERROR_DETAIL));
	return true;
}

/*
 * Checks all queues after something went wrong. After a reset of the device by the host, all
 * queues are enabled again and the requests without an answer submitted again, which changes
 * nothing where the first submission was carried out. A queue that stopped, or an answer that
 * belongs to no request, makes the driver give the device up.
 */
void vext_check(struct work_struct *work)
{
	struct vext_device *device = container_of(work, struct vext_device, check);
	bool is_lost = false, is_reset = false;
	unsigned int i;

	/* Without a disk yet, the first request comes here again. */
	if (!device->disk || device->is_dead)
		return;
	for (i = 0; i < device->queue_count; i++) {
		struct vext_queue *q = &device->queues[i];
		u32 state = vext_queue_state(q);

		is_reset |= state == VEXT_STATE_DISABLED;
		is_lost = vext_is_lost(q, state);
		if (is_lost)
			break;
	}
	if (!is_lost && !is_reset)
		return;
	if (!is_lost && ++device->recoveries > VEXT_MAX_RECOVERIES) {
		is_lost = true;
		dev_err(&device->pci->dev, "reset %u by the host: the device is given up\n",
			device->recoveries);
	}

	blk_mq_quiesce_queue(device->disk->queue);
	for (i = 0; i < device->queue_count; i++) {
		struct vext_queue *q = &device->queues[i];
		unsigned long flags;

		vext_disable(q);
		spin_lock_irqsave(&q->complete_lock, flags);
		if (!q->is_broken)
			vext_drain(q);
		spin_unlock_irqrestore(&q->complete_lock, flags);
		if (!is_lost)
			is_lost = vext_is_lost(q, VEXT_STATE_DISABLED);
	}
	if (!is_lost) {
		dev_warn(&device->pci->dev, "reset by the host: requests are submitted again\n");
		vext_write64(device->features, device->registers + VEXT_DRIVER_FEATURES);
		for (i = 0; i < device->queue_count; i++) {
			struct vext_queue *q = &device->queues[i];

			vext_end_outstanding(q, true);
			is_lost |= vext_enable(q) != 0;
		}
	}
	if (is_lost) {
		WRITE_ONCE(device->is_dead, true);
		for (i = 0; i < device->queue_count; i++) {
			WRITE_ONCE(device->queues[i].is_broken, true);
			vext_end_outstanding(&device->queues[i], false);
		}
	}
	blk_mq_unquiesce_queue(device->disk->queue);
	blk_mq_kick_requeue_list(device->disk->queue);
}

static void vext_free_queue(struct vext_queue *q)
{
	if (q->submissions)
		free_pages_exact(q->submissions, q->ring_bytes);
	if (q->lists)
		free_pages_exact(q->lists, q->list_bytes);
	kfree(q->outstanding);
}

static int vext_create_queue(struct vext_device *device, unsigned int index)
{
	struct vext_queue *q = &device->queues[index];

	q->device = device;
	q->index = index;
	q->depth = device->depth;
	q->registers = device->registers + VEXT_QUEUE(index);
	q->polled = index >= device->queue_count - device->polled_count;
	q->has_interrupt = !q->polled && device->features & VEXT_FEATURE_INTERRUPT;
	spin_lock_init(&q->submit_lock);
	spin_lock_init(&q->complete_lock);
	snprintf(q->name, sizeof(q->name), "vext%d-%u", device->index, index);

	/* One run of memory for both rings and the wake block. */
	q->ring_bytes = q->depth * (sizeof(*q->submissions) + sizeof(*q->completions)) +
			sizeof(*q->wake);
	q->submissions = alloc_pages_exact(q->ring_bytes, GFP_KERNEL | __GFP_ZERO);
	q->list_bytes = q->depth * VEXT_LIST_BYTES;
	q->lists = alloc_pages_exact(q->list_bytes, GFP_KERNEL);
	q->outstanding = kcalloc(q->depth, sizeof(*q->outstanding), GFP_KERNEL);
	if (!q->submissions || !q->lists || !q->outstanding)
		return -ENOMEM;
	q->completions = (void *)(q->submissions + q->depth);
	q->wake = (void *)(q->completions + q->depth);

	if (!q->polled && !q->has_interrupt) {
		struct task_struct *poller = kthread_run(vext_poller, q, "%s", q->name);

		if (IS_ERR(poller))
			return PTR_ERR(poller);
		q->poller = poller;
	}
	return 0;
}

void vext_destroy_queues(struct vext_device *device)
{
	unsigned int i;

	/* All queues: one may be enabled that this driver did not enable. */
	writel(1, device->registers + VEXT_RESET);
	for (i = 0; i < device->queue_count; i++) {
		struct vext_queue *q = &device->queues[i];

		if (q->has_interrupt)
			free_irq(pci_irq_vector(device->pci, i), q);
		if (q->poller)
			kthread_stop(q->poller);
	}
	/* Handlers and pollers schedule it. */
	cancel_work_sync(&device->check);
	for (i = 0; i < device->queue_count; i++)
		vext_free_queue(&device->queues[i]);
	if (device->features & VEXT_FEATURE_INTERRUPT)
		pci_free_irq_vectors(device->pci);
	kfree(device->queues);
}

int vext_create_queues(struct vext_device *device)
{
	unsigned int i;
	int error;

	device->queues = kcalloc(device->queue_count, sizeof(*device->queues), GFP_KERNEL);
	if (!device->queues)
		return -ENOMEM;
	if (device->features & VEXT_FEATURE_INTERRUPT) {
		unsigned int plain = device->queue_count - device->polled_count;

		error = pci_alloc_irq_vectors(device->pci, plain, plain,
					      PCI_IRQ_MSIX | PCI_IRQ_AFFINITY);
		if (error < 0) {
			dev_warn(&device->pci->dev, "no interrupts (error %d): threads poll\n",
				 -error);
			device->features &= ~VEXT_FEATURE_INTERRUPT;
		}
	}
	vext_write64(device->features, device->registers + VEXT_DRIVER_FEATURES);
	for (i = 0; i < device->queue_count; i++) {
		struct vext_queue *q = &device->queues[i];
		bool wants_interrupt;

		error = vext_create_queue(device, i);
		wants_interrupt = q->has_interrupt;
		q->has_interrupt = false;
		if (!error && wants_interrupt) {
			error = request_irq(pci_irq_vector(device->pci, i), vext_interrupt, 0,
					    q->name, q);
			q->has_interrupt = !error;
		}
		if (!error)
			error = vext_enable(q);
		if (error) {
			vext_destroy_queues(device);
			return error;
		}
	}
	return 0;
}
