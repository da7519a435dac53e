import Hypervisor
import VextProtocol

/// A driver of a virtio block device that reaches its registers directly, by either interface.
struct BlockDriver {
  /// Registers of the common configuration structure in BAR 0 (virtio 1.2 §4.1.4.3).
  private enum Common {
    static let driverFeatureSelect: UInt64 = 0x08
    static let driverFeature: UInt64 = 0x0C
    static let status: UInt64 = 0x14
    static let queueSelect: UInt64 = 0x16
    static let queueSize: UInt64 = 0x18
    static let queueEnable: UInt64 = 0x1C
    static let queueDescriptorTable: UInt64 = 0x20
    static let queueAvailableRing: UInt64 = 0x28
    static let queueUsedRing: UInt64 = 0x30
  }

  /// Registers of the legacy interface in BAR 0 (§4.1.4.10).
  private enum Legacy {
    static let driverFeatures: UInt64 = 4
    static let queuePage: UInt64 = 8
    static let queueSelect: UInt64 = 14
    static let status: UInt64 = 18
  }

  static let version1: UInt64 = 1 << 32

  let function: VirtioPCI
  let queueDepth: UInt16

  /// Resets the device, and goes as far as the features are agreed upon.
  func negotiate(_ features: UInt64) {
    setStatus(0)
    setStatus(1)
    setStatus(3)
    switch function.transport {
    case .modern:
      write(Common.driverFeatureSelect, 4, 0)
      write(Common.driverFeature, 4, features & 0xFFFF_FFFF)
      write(Common.driverFeatureSelect, 4, 1)
      write(Common.driverFeature, 4, features >> 32)
      setStatus(11)
    case .legacy: write(Legacy.driverFeatures, 4, features & 0xFFFF_FFFF)
    }
  }

  /// The layout of a sound queue in the pages from `page` on.
  func layout(page: UInt32) -> VirtqueueLayout { VirtqueueLayout(size: queueDepth, legacyPage: page) }

  /// Sets queue `index` up; the legacy interface takes no more than the first page from `layout`.
  func enable(_ index: Int, _ layout: VirtqueueLayout) {
    switch function.transport {
    case .modern:
      write(Common.queueSelect, 2, UInt64(index))
      write(Common.queueSize, 2, UInt64(layout.size))
      write(Common.queueDescriptorTable, 8, layout.descriptorTable.rawValue)
      write(Common.queueAvailableRing, 8, layout.availableRing.rawValue)
      write(Common.queueUsedRing, 8, layout.usedRing.rawValue)
      write(Common.queueEnable, 2, 1)
    case .legacy:
      write(Legacy.queueSelect, 2, UInt64(index))
      write(Legacy.queuePage, 4, layout.descriptorTable.rawValue >> 12)
    }
  }

  func start() { setStatus(function.transport == .modern ? 15 : 7) }

  func setStatus(_ status: UInt64) {
    write(function.transport == .modern ? Common.status : Legacy.status, 1, status)
  }

  func write(_ offset: UInt64, _ byteCount: Int, _ value: UInt64) {
    function.writeBAR(0, offset: offset, byteCount: byteCount, value: value)
  }
}
