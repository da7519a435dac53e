// SPDX-License-Identifier: GPL-2.0-or-later
/* The PCI function and the disk. */

#include <linux/idr.h>
#include <linux/module.h>

#include "vext.h"

static unsigned int queue_depth = 128;
module_param(queue_depth, uint, 0444);
MODULE_PARM_DESC(queue_depth, "Requests in each queue, rounded to a power of two (default 128)");

static unsigned int poll_queues;
module_param(poll_queues, uint, 0444);
MODULE_PARM_DESC(poll_queues, "Queues for polled I/O, beside at least one that is not (default 0)");

static DEFINE_IDA(vext_indices);

static ssize_t serial_show(struct device *dev, struct device_attribute *attribute, char *buffer)
{
	struct request_queue *queue = dev_to_disk(dev)->queue;
	struct request *rq;
	char *identity;
	int error;

	identity = kzalloc(VEXT_IDENTITY_BYTES + 1, GFP_KERNEL);
	if (!identity)
		return -ENOMEM;
	rq = blk_mq_alloc_request(queue, REQ_OP_DRV_IN, 0);
	if (IS_ERR(rq)) {
		kfree(identity);
		return PTR_ERR(rq);
	}
	error = blk_rq_map_kern(queue, rq, identity, VEXT_IDENTITY_BYTES, GFP_KERNEL);
	if (!error)
		error = blk_status_to_errno(blk_execute_rq(rq, false));
	blk_mq_free_request(rq);
	if (!error)
		error = sysfs_emit(buffer, "%s\n", identity);
	kfree(identity);
	return error;
}
static DEVICE_ATTR_RO(serial);

static struct attribute *vext_attrs[] = {
	&dev_attr_serial.attr,
	NULL,
};
ATTRIBUTE_GROUPS(vext);

/* What the block layer has to know of the disk. */
static void vext_apply_limits(struct vext_device *device, struct queue_limits *limits)
{
	limits->logical_block_size = device->block_size;
	limits->physical_block_size = max_t(u32, device->block_size, limits->physical_block_size);
	limits->io_min = limits->physical_block_size;
	limits->max_hw_sectors = device->max_transfer >> SECTOR_SHIFT;
	limits->max_segments = device->max_segments;
	limits->max_segment_size = device->max_transfer;
	limits->dma_alignment = device->block_size - 1;
	if (device->flags & VEXT_DEVICE_DISCARD) {
		limits->max_hw_discard_sectors = device->max_range >> SECTOR_SHIFT;
		limits->max_discard_sectors = limits->max_hw_discard_sectors;
		limits->discard_granularity = limits->physical_block_size;
	}
	if (device->flags & VEXT_DEVICE_WRITE_ZEROES)
		limits->max_write_zeroes_sectors = device->max_range >> SECTOR_SHIFT;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
static struct gendisk *vext_alloc_disk(struct vext_device *device)
{
	struct queue_limits limits = { .features = BLK_FEAT_WRITE_CACHE };

	limits.physical_block_size = PAGE_SIZE;
	vext_apply_limits(device, &limits);
	return blk_mq_alloc_disk(&device->tags, &limits, device);
}
#else
static struct gendisk *vext_alloc_disk(struct vext_device *device)
{
	struct gendisk *disk = blk_mq_alloc_disk(&device->tags, device);
	struct request_queue *queue;

	if (IS_ERR(disk))
		return disk;
	queue = disk->queue;
	queue->limits.physical_block_size = PAGE_SIZE;
	vext_apply_limits(device, &queue->limits);
	blk_queue_max_hw_sectors(queue, device->max_transfer >> SECTOR_SHIFT);
	blk_queue_update_dma_alignment(queue, device->block_size - 1);
	blk_queue_flag_set(QUEUE_FLAG_NONROT, queue);
	blk_queue_write_cache(queue, true, false);
	return disk;
}
#endif

static const struct block_device_operations vext_operations = {
	.owner = THIS_MODULE,
};

/* Makes vext_check() leave the disk alone from now on. All requests have ended. */
static void vext_stop_checks(struct vext_device *device)
{
	WRITE_ONCE(device->is_dead, true);
	cancel_work_sync(&device->check);
}

static int vext_add_disk(struct vext_device *device)
{
	struct gendisk *disk;
	int error;

	device->tags.ops = &vext_queue_ops;
	device->tags.nr_hw_queues = device->queue_count;
	device->tags.nr_maps = device->polled_count ? HCTX_MAX_TYPES : 1;
	device->tags.queue_depth = device->depth;
	device->tags.numa_node = dev_to_node(&device->pci->dev);
	device->tags.cmd_size = sizeof(struct vext_request);
	device->tags.timeout = VEXT_STATE_CHECK_INTERVAL;
	device->tags.flags = BLK_MQ_F_SHOULD_MERGE;
	device->tags.driver_data = device;
	error = blk_mq_alloc_tag_set(&device->tags);
	if (error)
		return error;
	disk = vext_alloc_disk(device);
	if (IS_ERR(disk)) {
		error = PTR_ERR(disk);
		goto free_tags;
	}
	disk->fops = &vext_operations;
	disk->private_data = device;
	snprintf(disk->disk_name, DISK_NAME_LEN, "vext%d", device->index);
	set_capacity(disk, device->capacity >> SECTOR_SHIFT);
	set_disk_ro(disk, device->flags & VEXT_DEVICE_READ_ONLY);
	device->disk = disk;
	error = device_add_disk(&device->pci->dev, disk, vext_groups);
	if (!error)
		return 0;
	vext_stop_checks(device);
	put_disk(disk);
free_tags:
	blk_mq_free_tag_set(&device->tags);
	return error;
}

/* Reads and judges the device's registers, §3.1. */
static int vext_identify(struct vext_device *device)
{
	struct device *dev = &device->pci->dev;
	u32 magic = readl(device->registers + VEXT_MAGIC);
	u32 version = readl(device->registers + VEXT_VERSION);
	u32 queue_count = readl(device->registers + VEXT_QUEUE_COUNT);
	u32 max_depth = readl(device->registers + VEXT_MAX_QUEUE_DEPTH);
	unsigned int i;

	/* The owner of the vendor ID lends these device IDs to anybody's experiments. */
	if (magic != VEXT_MAGIC_VALUE)
		return -ENODEV;
	if (version != VEXT_VERSION_VALUE) {
		dev_err(dev, "version %u of the protocol; this driver knows %u only\n", version,
			VEXT_VERSION_VALUE);
		return -ENODEV;
	}
	device->features = vext_read64(device->registers + VEXT_DEVICE_FEATURES) &
			   (VEXT_FEATURE_DOORBELL | VEXT_FEATURE_INTERRUPT |
			    VEXT_FEATURE_CONTENTION);
	device->capacity = vext_read64(device->registers + VEXT_CAPACITY);
	device->block_size = readl(device->registers + VEXT_BLOCK_SIZE);
	device->max_transfer = readl(device->registers + VEXT_MAX_TRANSFER);
	/* Two fit into an entry without a list. */
	device->max_segments = clamp_t(u32, readl(device->registers + VEXT_MAX_SEGMENT_COUNT), 2,
				       VEXT_MAX_SEGMENTS);
	device->max_range = readl(device->registers + VEXT_MAX_RANGE);
	device->flags = readl(device->registers + VEXT_DEVICE_FLAGS);
	if (!is_power_of_2(device->block_size) || device->block_size < SECTOR_SIZE ||
	    device->block_size > PAGE_SIZE || device->capacity & (device->block_size - 1) ||
	    device->capacity > LLONG_MAX || device->max_transfer < PAGE_SIZE || !queue_count ||
	    queue_count > VEXT_QUEUE_LIMIT || !is_power_of_2(max_depth) || max_depth < 2 ||
	    max_depth > 32768) {
		dev_err(dev, "a limit of the device is outside of the protocol or of Linux\n");
		return -EINVAL;
	}
	for (i = 0; i < queue_count; i++) {
		u32 state = readl(device->registers + VEXT_QUEUE(i) + VEXT_QUEUE_STATE);

		if (state != VEXT_STATE_DISABLED) {
			dev_err(dev, "queue %u is in use by another driver\n", i);
			return -EBUSY;
		}
	}
	max_depth = min_t(u32, max_depth, 1024);
	device->depth = rounddown_pow_of_two(clamp_t(u32, queue_depth, 2, max_depth));
	device->polled_count = min(poll_queues, min_t(u32, queue_count - 1, num_possible_cpus()));
	device->queue_count = min_t(u32, queue_count, num_possible_cpus() + device->polled_count);
	return 0;
}

static int vext_probe(struct pci_dev *pci, const struct pci_device_id *id)
{
	struct vext_device *device;
	int error;

	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return -ENOMEM;
	device->pci = pci;
	INIT_WORK(&device->check, vext_check);
	pci_set_drvdata(pci, device);
	error = pci_enable_device_mem(pci);
	if (error)
		goto free_device;
	/* Exclusive: no process maps the registers while the driver has them. */
	error = pci_request_selected_regions_exclusive(pci, BIT(0), "vext");
	if (error)
		goto disable;
	error = -ENODEV;
	if (pci_resource_len(pci, 0) < VEXT_BAR_BYTES)
		goto release;
	device->registers = pci_iomap(pci, 0, VEXT_BAR_BYTES);
	if (!device->registers)
		goto release;
	error = vext_identify(device);
	if (error)
		goto unmap;
	pci_set_master(pci);
	device->index = ida_alloc(&vext_indices, GFP_KERNEL);
	if (device->index < 0) {
		error = device->index;
		goto unmap;
	}
	error = vext_create_queues(device);
	if (error)
		goto free_index;
	error = vext_add_disk(device);
	if (error)
		goto destroy_queues;
	return 0;

destroy_queues:
	vext_destroy_queues(device);
free_index:
	ida_free(&vext_indices, device->index);
unmap:
	pci_iounmap(pci, device->registers);
release:
	pci_release_selected_regions(pci, BIT(0));
disable:
	pci_disable_device(pci);
free_device:
	kfree(device);
	return error;
}

static void vext_remove(struct pci_dev *pci)
{
	struct vext_device *device = pci_get_drvdata(pci);

	del_gendisk(device->disk);
	vext_stop_checks(device);
	/* A submitter may still be in vext_queue_rq() although its request has ended. */
	synchronize_rcu();
	vext_destroy_queues(device);
	blk_mq_free_tag_set(&device->tags);
	put_disk(device->disk);
	ida_free(&vext_indices, device->index);
	pci_iounmap(pci, device->registers);
	pci_release_selected_regions(pci, BIT(0));
	pci_disable_device(pci);
	kfree(device);
}

/* Leaves an idle device to the next kernel. */
static void vext_shutdown(struct pci_dev *pci)
{
	struct vext_device *device = pci_get_drvdata(pci);

	blk_mq_quiesce_queue(device->disk->queue);
	writel(1, device->registers + VEXT_RESET);
}

static const struct pci_device_id vext_ids[] = {
	{ PCI_DEVICE(VEXT_PCI_VENDOR, VEXT_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, vext_ids);

static struct pci_driver vext_driver = {
	.name = "vext",
	.id_table = vext_ids,
	.probe = vext_probe,
	.remove = vext_remove,
	.shutdown = vext_shutdown,
};
module_pci_driver(vext_driver);

MODULE_DESCRIPTION("Block driver for the vext queue");
MODULE_LICENSE("GPL");
