import Synchronization
import VextProtocol

/// The common configuration structure (virtio 1.2 §4.1.4.3).
extension VirtioPCI {
  private typealias Common = VirtioPCILayout.Common

  func commonByte(_ state: State, _ offset: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: commonWord(state, offset & ~3) >> UInt32((offset & 3) * 8))
  }

  private func commonWord(_ state: State, _ offset: UInt64) -> UInt32 {
    let queue = state.selectedQueue
    switch offset {
    case Common.deviceFeatureSelect: return state.deviceFeatureSelect
    case Common.deviceFeature: return Self.half(offeredFeatures.rawValue, state.deviceFeatureSelect)
    case Common.driverFeatureSelect: return state.driverFeatureSelect
    case Common.driverFeature: return Self.half(state.driverFeatures, state.driverFeatureSelect)
    case Common.configurationVector:
      return Self.pair(signals.configurationVector.load(ordering: .relaxed), UInt16(channels.count))
    case Common.deviceStatus:
      let generation = UInt16(signals.configurationGeneration) << 8
      return Self.pair(UInt16(reportedStatus(state).rawValue) | generation, state.queueSelect)
    case Common.queueSize:
      guard let queue else { return Self.pair(0, VirtioSignals.noVector) }
      return Self.pair(state.queues[queue].layout.size, channels[queue].vector.load(ordering: .relaxed))
    case Common.queueEnable:
      guard let queue else { return 0 }
      return Self.pair(state.queues[queue].isEnabled ? 1 : 0, state.queueSelect)
    case Common.queueDescriptorTable...:
      guard let queue else { return 0 }
      return Self.half(address(state.queues[queue].layout, offset), UInt32(offset / 4 & 1))
    default: return 0
    }
  }

  func writeCommon(_ state: inout State, _ offset: UInt64, _ byteCount: Int, _ value: UInt64) {
    switch (byteCount, offset) {
    case (4, Common.deviceFeatureSelect): state.deviceFeatureSelect = UInt32(truncatingIfNeeded: value)
    case (4, Common.driverFeatureSelect): state.driverFeatureSelect = UInt32(truncatingIfNeeded: value)
    case (4, Common.driverFeature):
      guard !state.status.contains(.featuresOK), state.driverFeatureSelect < 2 else { return }
      Self.setHalf(&state.driverFeatures, state.driverFeatureSelect, value)
    case (2, Common.configurationVector):
      signals.configurationVector.store(vector(value), ordering: .relaxed)
    case (1, Common.deviceStatus):
      writeStatus(&state, VirtioDeviceStatus(rawValue: UInt8(truncatingIfNeeded: value)))
    case (2, Common.queueSelect): state.queueSelect = UInt16(truncatingIfNeeded: value)
    case (2, Common.queueVector):
      guard let queue = state.selectedQueue else { return }
      channels[queue].vector.store(vector(value), ordering: .relaxed)
      if state.isServing { device.interruptChanged(ofQueue: queue) }
    default: writeQueue(&state, offset, byteCount, value)
    }
  }

  /// Writes a register that can be changed only before the queue is enabled.
  private func writeQueue(_ state: inout State, _ offset: UInt64, _ byteCount: Int, _ value: UInt64) {
    guard let queue = state.selectedQueue, !state.queues[queue].isEnabled else { return }
    switch (byteCount, offset) {
    case (2, Common.queueSize):
      let size = UInt16(truncatingIfNeeded: value)
      if size.nonzeroBitCount == 1, size <= queueSizes[queue] { state.queues[queue].layout.size = size }
    case (2, Common.queueEnable):
      let isReady = state.status.contains(.featuresOK) && !state.status.contains(.driverOK)
      if value & 0xFFFF == 1, isReady { state.queues[queue].isEnabled = true }
    case (8, Common.queueDescriptorTable...) where offset % 8 == 0:
      setAddress(&state.queues[queue].layout, offset, value)
    case (4, Common.queueDescriptorTable...) where offset % 4 == 0:
      var new = address(state.queues[queue].layout, offset)
      Self.setHalf(&new, UInt32(offset / 4 & 1), value)
      setAddress(&state.queues[queue].layout, offset, new)
    default: return
    }
  }

  private func address(_ layout: VirtqueueLayout, _ offset: UInt64) -> UInt64 {
    switch offset & ~7 {
    case Common.queueDescriptorTable: layout.descriptorTable.rawValue
    case Common.queueAvailableRing: layout.availableRing.rawValue
    case Common.queueUsedRing: layout.usedRing.rawValue
    default: 0
    }
  }

  private func setAddress(_ layout: inout VirtqueueLayout, _ offset: UInt64, _ value: UInt64) {
    switch offset & ~7 {
    case Common.queueDescriptorTable: layout.descriptorTable = GuestAddress(value)
    case Common.queueAvailableRing: layout.availableRing = GuestAddress(value)
    case Common.queueUsedRing: layout.usedRing = GuestAddress(value)
    default: return
    }
  }

  private static func pair(_ low: UInt16, _ high: UInt16) -> UInt32 { UInt32(low) | UInt32(high) << 16 }

  private static func half(_ value: UInt64, _ select: UInt32) -> UInt32 {
    select < 2 ? UInt32(truncatingIfNeeded: value >> UInt64(select * 32)) : 0
  }

  private static func setHalf(_ target: inout UInt64, _ select: UInt32, _ value: UInt64) {
    let shift = UInt64(select * 32)
    target = target & ~(0xFFFF_FFFF << shift) | (value & 0xFFFF_FFFF) << shift
  }
}
