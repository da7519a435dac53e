/* VFIO and KVM's part in it for Swift: requests as named constants (their macros do not import), and calls whose arguments
 * are plain numbers. Each call returns its result or -errno. Specification: the comments of linux/vfio.h. */
#pragma once

#include <errno.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The container. */
static const unsigned long CKVM_VFIO_GET_API_VERSION = VFIO_GET_API_VERSION;
static const unsigned long CKVM_VFIO_CHECK_EXTENSION = VFIO_CHECK_EXTENSION;
static const unsigned long CKVM_VFIO_SET_IOMMU = VFIO_SET_IOMMU;
static const unsigned long CKVM_VFIO_IOMMU_MAP_DMA = VFIO_IOMMU_MAP_DMA;

/* A group. */
static const unsigned long CKVM_VFIO_GROUP_GET_STATUS = VFIO_GROUP_GET_STATUS;

/* A device. */
static const unsigned long CKVM_VFIO_DEVICE_GET_INFO = VFIO_DEVICE_GET_INFO;
static const unsigned long CKVM_VFIO_DEVICE_GET_REGION_INFO = VFIO_DEVICE_GET_REGION_INFO;
static const unsigned long CKVM_VFIO_DEVICE_GET_IRQ_INFO = VFIO_DEVICE_GET_IRQ_INFO;
static const unsigned long CKVM_VFIO_DEVICE_SET_IRQS = VFIO_DEVICE_SET_IRQS;
static const unsigned long CKVM_VFIO_DEVICE_RESET = VFIO_DEVICE_RESET;

/* Devices of KVM: the one with which groups of VFIO are registered. */
static const unsigned long CKVM_CREATE_DEVICE = KVM_CREATE_DEVICE;
static const uint32_t CKVM_DEVICE_TYPE_VFIO = KVM_DEV_TYPE_VFIO;
static const uint32_t CKVM_DEVICE_VFIO_GROUP = KVM_DEV_VFIO_GROUP;
static const uint64_t CKVM_DEVICE_VFIO_GROUP_ADD = KVM_DEV_VFIO_GROUP_ADD;

/* Makes a group part of a container. */
static inline int ckvm_vfio_set_container(int group, int container) {
  int result = ioctl(group, VFIO_GROUP_SET_CONTAINER, &container);
  return result < 0 ? -errno : result;
}

/* Opens a PCI device of a group. */
static inline int ckvm_vfio_open_device(int group, uint32_t domain, uint8_t bus, uint8_t device, uint8_t function) {
  char name[24];
  snprintf(name, sizeof name, "%04x:%02x:%02x.%x", domain, bus, device, function);
  int result = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
  return result < 0 ? -errno : result;
}

/* What a read of a device's region came to: the number of bytes, and their value in the host's byte order. */
struct ckvm_region_value {
  int64_t result;
  uint64_t value;
};

static inline struct ckvm_region_value ckvm_region_read(int descriptor, uint64_t offset, uint32_t byte_count) {
  struct ckvm_region_value read = {.result = -EINVAL, .value = 0};
  if (byte_count > sizeof read.value) return read;
  do read.result = pread(descriptor, &read.value, byte_count, (off_t)offset);
  while (read.result < 0 && errno == EINTR);
  if (read.result < 0) read.result = -errno;
  return read;
}

static inline int64_t ckvm_region_write(int descriptor, uint64_t offset, uint32_t byte_count, uint64_t value) {
  int64_t result;
  if (byte_count > sizeof value) return -EINVAL;
  do result = pwrite(descriptor, &value, byte_count, (off_t)offset);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}
