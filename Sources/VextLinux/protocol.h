/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vext queue protocol, version 1: docs/vext-protocol.md. All integers are little-endian. */
#ifndef VEXT_PROTOCOL_H
#define VEXT_PROTOCOL_H

#include <linux/types.h>

/* The PCI function, §2 */
#define VEXT_PCI_VENDOR 0x1af4
#define VEXT_PCI_DEVICE 0x10f5

/* Device registers, §3.1 */
#define VEXT_MAGIC 0x00
#define VEXT_VERSION 0x04
#define VEXT_DEVICE_FEATURES 0x08
#define VEXT_DRIVER_FEATURES 0x10
#define VEXT_CAPACITY 0x18
#define VEXT_BLOCK_SIZE 0x20
#define VEXT_MAX_TRANSFER 0x24
#define VEXT_MAX_SEGMENT_COUNT 0x28
#define VEXT_QUEUE_COUNT 0x2c
#define VEXT_MAX_QUEUE_DEPTH 0x30
#define VEXT_DEVICE_FLAGS 0x34
#define VEXT_RESET 0x38
#define VEXT_MAX_RANGE 0x3c
#define VEXT_BAR_BYTES 0x4000

#define VEXT_MAGIC_VALUE 0x54584556
#define VEXT_VERSION_VALUE 1

#define VEXT_FEATURE_DOORBELL BIT_ULL(0)
#define VEXT_FEATURE_INTERRUPT BIT_ULL(1)
#define VEXT_FEATURE_CONTENTION BIT_ULL(2)

#define VEXT_DEVICE_READ_ONLY BIT(0)
#define VEXT_DEVICE_DISCARD BIT(1)
#define VEXT_DEVICE_WRITE_ZEROES BIT(2)

/* Queue registers, §3.2 */
#define VEXT_QUEUE_LIMIT 128
#define VEXT_QUEUE(index) (0x1000 + (index) * 0x40)
#define VEXT_QUEUE_SUBMISSION_RING 0x00
#define VEXT_QUEUE_COMPLETION_RING 0x08
#define VEXT_QUEUE_DEPTH 0x10
#define VEXT_QUEUE_CONTROL 0x14
#define VEXT_QUEUE_STATE 0x18
#define VEXT_QUEUE_ERROR 0x1c
#define VEXT_QUEUE_ERROR_DETAIL 0x20
#define VEXT_QUEUE_WAKE_BLOCK 0x28
#define VEXT_QUEUE_DOORBELL 0x30
#define VEXT_QUEUE_YIELD 0x34

/* Bit of the contention word, §8.2 */
#define VEXT_SHARED_CPU BIT_ULL(0)

#define VEXT_STATE_DISABLED 0
#define VEXT_STATE_ENABLED 1
#define VEXT_STATE_STOPPED 2

/* Operations and flags, §4.2 and §4.3 */
#define VEXT_OP_READ 1
#define VEXT_OP_WRITE 2
#define VEXT_OP_FLUSH 3
#define VEXT_OP_DISCARD 4
#define VEXT_OP_WRITE_ZEROES 5
#define VEXT_OP_IDENTIFY 6
#define VEXT_FLAG_SEGMENT_LIST BIT(0)
#define VEXT_IDENTITY_BYTES 20

/* §4.4 */
struct vext_segment {
	__le64 address;
	__le32 length;
	__le32 reserved;
};

/* §4.1; the first 8 bytes are the announcement. */
struct vext_submission {
	union {
		struct {
			u8 op;
			u8 flags;
			__le16 id;
			__le32 lap;
		};
		__le64 announcement;
	};
	__le64 offset;
	__le64 length;
	struct vext_segment segment[2];
	__le64 reserved;
};

/* §4.5; the announcement holds status, id and lap, from the lowest bits on. */
struct vext_completion {
	__le64 byte_count;
	__le64 announcement;
};

/* §8.1, §8.2 */
struct vext_wake_block {
	__le64 device;
	__le64 contention;
	__le64 reserved[6];
	__le64 driver;
	__le64 reserved_too[7];
};

static_assert(sizeof(struct vext_submission) == 64);
static_assert(sizeof(struct vext_completion) == 16);
static_assert(sizeof(struct vext_wake_block) == 128);

#endif
