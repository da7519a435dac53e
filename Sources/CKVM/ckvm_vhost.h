/* The vhost interface for Swift: structures from linux/vhost_types.h, ioctl requests as named constants (their macros do
 * not import). Specification: the comments of linux/vhost.h. */
#pragma once

#include <linux/vhost.h>

/* Every vhost device. */
static const unsigned long CKVM_VHOST_SET_OWNER = VHOST_SET_OWNER;
static const unsigned long CKVM_VHOST_GET_FEATURES = VHOST_GET_FEATURES;
static const unsigned long CKVM_VHOST_SET_FEATURES = VHOST_SET_FEATURES;
static const unsigned long CKVM_VHOST_SET_MEM_TABLE = VHOST_SET_MEM_TABLE;
static const unsigned long CKVM_VHOST_SET_VRING_NUM = VHOST_SET_VRING_NUM;
static const unsigned long CKVM_VHOST_SET_VRING_BASE = VHOST_SET_VRING_BASE;
static const unsigned long CKVM_VHOST_GET_VRING_BASE = VHOST_GET_VRING_BASE;
static const unsigned long CKVM_VHOST_SET_VRING_ADDR = VHOST_SET_VRING_ADDR;
static const unsigned long CKVM_VHOST_SET_VRING_KICK = VHOST_SET_VRING_KICK;
static const unsigned long CKVM_VHOST_SET_VRING_CALL = VHOST_SET_VRING_CALL;
static const unsigned long CKVM_VHOST_SET_VRING_ERR = VHOST_SET_VRING_ERR;

/* /dev/vhost-net. */
static const unsigned long CKVM_VHOST_NET_SET_BACKEND = VHOST_NET_SET_BACKEND;

/* /dev/vhost-scsi. */
static const unsigned long CKVM_VHOST_SCSI_SET_ENDPOINT = VHOST_SCSI_SET_ENDPOINT;
static const unsigned long CKVM_VHOST_SCSI_CLEAR_ENDPOINT = VHOST_SCSI_CLEAR_ENDPOINT;
static const unsigned long CKVM_VHOST_SCSI_GET_ABI_VERSION = VHOST_SCSI_GET_ABI_VERSION;

/* /dev/vhost-vsock. */
static const unsigned long CKVM_VHOST_VSOCK_SET_GUEST_CID = VHOST_VSOCK_SET_GUEST_CID;
static const unsigned long CKVM_VHOST_VSOCK_SET_RUNNING = VHOST_VSOCK_SET_RUNNING;
