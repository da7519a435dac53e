// SPDX-License-Identifier: GPL-2.0-or-later
/* Submitting requests: the submission ring, and the device's doorbell. */

#include <linux/kthread.h>
#include <linux/module.h>

#include "vext.h"

static unsigned int spin_us;
module_param(spin_us, uint, 0644);
MODULE_PARM_DESC(spin_us, "Microseconds that a submitter polls for a lone request (default 0)");

/* Lists the request's segments, and joins those that touch. Returns 0 if one is misaligned. */
static unsigned int vext_segments(struct vext_device *device, struct request *rq,
				  struct vext_segment *list)
{
	u32 mask = device->block_size - 1;
	struct req_iterator iterator;
	struct bio_vec vector;
	unsigned int count = 0;
	u64 end = 0;

	rq_for_each_bvec(vector, rq, iterator) {
		u64 address = page_to_phys(vector.bv_page) + vector.bv_offset;

		if (unlikely((address | vector.bv_len) & mask))
			return 0;
		if (count && address == end) {
			le32_add_cpu(&list[count - 1].length, vector.bv_len);
		} else {
			if (unlikely(count == VEXT_MAX_SEGMENTS))
				return 0;
			list[count].address = cpu_to_le64(address);
			list[count].length = cpu_to_le32(vector.bv_len);
			list[count].reserved = 0;
			count++;
		}
		end = address + vector.bv_len;
	}
	return count;
}

/* Fills everything but the lap. */
static blk_status_t vext_prepare(struct vext_queue *q, struct request *rq,
				 struct vext_submission *entry)
{
	struct vext_device *device = q->device;
	struct vext_segment *list = &q->lists[rq->tag * VEXT_MAX_SEGMENTS];
	unsigned int count;

	memset(entry, 0, sizeof(*entry));
	entry->id = cpu_to_le16(rq->tag);
	switch (req_op(rq)) {
	case REQ_OP_READ:
		entry->op = VEXT_OP_READ;
		break;
	case REQ_OP_WRITE:
		entry->op = VEXT_OP_WRITE;
		break;
	case REQ_OP_FLUSH:
		entry->op = VEXT_OP_FLUSH;
		return BLK_STS_OK;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		entry->op = req_op(rq) == REQ_OP_DISCARD ? VEXT_OP_DISCARD : VEXT_OP_WRITE_ZEROES;
		entry->offset = cpu_to_le64((u64)blk_rq_pos(rq) << SECTOR_SHIFT);
		entry->length = cpu_to_le64(blk_rq_bytes(rq));
		return BLK_STS_OK;
	case REQ_OP_DRV_IN: {
		struct bio_vec vector = req_bvec(rq);

		entry->op = VEXT_OP_IDENTIFY;
		entry->segment[0].address =
			cpu_to_le64(page_to_phys(vector.bv_page) + vector.bv_offset);
		entry->segment[0].length = cpu_to_le32(VEXT_IDENTITY_BYTES);
		return BLK_STS_OK;
	}
	default:
		return BLK_STS_NOTSUPP;
	}
	entry->offset = cpu_to_le64((u64)blk_rq_pos(rq) << SECTOR_SHIFT);
	count = vext_segments(device, rq, list);
	if (unlikely(!count))
		return BLK_STS_IOERR;
	if (count <= 2) {
		memcpy(entry->segment, list, count * sizeof(*list));
	} else {
		entry->flags = VEXT_FLAG_SEGMENT_LIST;
		entry->segment[0].address = cpu_to_le64(virt_to_phys(list));
		entry->segment[0].length = cpu_to_le32(count * sizeof(*list));
	}
	return BLK_STS_OK;
}

/* Wakes the device if it sleeps, once for each epoch, §8.1. The caller has submit_lock. */
static void vext_ring(struct vext_queue *q)
{
	u64 epoch;

	if (!(q->device->features & VEXT_FEATURE_DOORBELL))
		return;
	smp_mb(); /* store of the entry before the load of the device's word, §8.1 */
	epoch = le64_to_cpu(READ_ONCE(q->wake->device));
	if ((epoch & 1) && epoch != q->rung_epoch) {
		q->rung_epoch = epoch;
		writel(1, q->registers + VEXT_QUEUE_DOORBELL);
	}
}

static blk_status_t vext_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *data)
{
	struct vext_queue *q = hctx->driver_data;
	struct request *rq = data->rq;
	struct vext_submission entry;
	unsigned int limit;
	unsigned long flags;
	blk_status_t status;

	if (unlikely(READ_ONCE(q->device->is_dead)))
		return BLK_STS_IOERR;
	if (unlikely(READ_ONCE(q->is_broken))) {
		schedule_work(&q->device->check);
		return BLK_STS_RESOURCE;
	}
	if (!(rq->rq_flags & RQF_DONTPREP)) {
		struct vext_request *request = blk_mq_rq_to_pdu(rq);

		request->repetitions = 0;
		rq->rq_flags |= RQF_DONTPREP;
	}
	status = vext_prepare(q, rq, &entry);
	if (unlikely(status != BLK_STS_OK))
		return status;
	blk_mq_start_request(rq);

	spin_lock_irqsave(&q->submit_lock, flags);
	entry.lap = cpu_to_le32(q->submit_lap);
	WRITE_ONCE(q->outstanding[rq->tag], rq);
	atomic_inc(&q->outstanding_count);
	memcpy((u8 *)&q->submissions[q->submit_slot] + 8, (u8 *)&entry + 8, sizeof(entry) - 8);
	/* Pairs with the device's acquire load, §4.7. */
	smp_store_release(&q->submissions[q->submit_slot].announcement, entry.announcement);
	if (++q->submit_slot == q->depth) {
		q->submit_slot = 0;
		q->submit_lap++;
	}
	if (data->last)
		vext_ring(q);
	spin_unlock_irqrestore(&q->submit_lock, flags);

	limit = READ_ONCE(spin_us);
	if (data->last && !q->polled && limit && atomic_read(&q->outstanding_count) == 1)
		vext_spin(q, limit);
	if (q->poller && atomic_read(&q->outstanding_count))
		wake_up_process(q->poller);
	return BLK_STS_OK;
}

static void vext_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	struct vext_queue *q = hctx->driver_data;
	unsigned long flags;

	spin_lock_irqsave(&q->submit_lock, flags);
	vext_ring(q);
	spin_unlock_irqrestore(&q->submit_lock, flags);
}

static int vext_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *batch)
{
	return vext_drain_locked(hctx->driver_data);
}

/* The host is slow, and the request waits on; or the queue stopped; or the host reset it. */
static enum blk_eh_timer_return vext_timeout(struct request *rq)
{
	struct vext_queue *q = rq->mq_hctx->driver_data;

	vext_drain_locked(q);
	if (blk_mq_request_completed(rq))
		return BLK_EH_DONE;
	if (vext_queue_state(q) != VEXT_STATE_ENABLED)
		schedule_work(&q->device->check);
	return BLK_EH_RESET_TIMER;
}

static int vext_init_hctx(struct blk_mq_hw_ctx *hctx, void *data, unsigned int index)
{
	struct vext_device *device = data;

	hctx->driver_data = &device->queues[index];
	return 0;
}

static void vext_map_queues(struct blk_mq_tag_set *tags)
{
	struct vext_device *device = container_of(tags, struct vext_device, tags);
	unsigned int type, offset = 0;

	for (type = 0; type < tags->nr_maps; type++) {
		struct blk_mq_queue_map *map = &tags->map[type];

		map->nr_queues = 0;
		if (type == HCTX_TYPE_DEFAULT)
			map->nr_queues = device->queue_count - device->polled_count;
		else if (type == HCTX_TYPE_POLL)
			map->nr_queues = device->polled_count;
		map->queue_offset = offset;
		offset += map->nr_queues;
		if (map->nr_queues)
			blk_mq_map_queues(map);
	}
}

const struct blk_mq_ops vext_queue_ops = {
	.queue_rq = vext_queue_rq,
	.commit_rqs = vext_commit_rqs,
	.complete = vext_complete,
	.poll = vext_poll,
	.timeout = vext_timeout,
	.init_hctx = vext_init_hctx,
	.map_queues = vext_map_queues,
};
