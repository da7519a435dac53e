import Synchronization

/// The structures of virtio 1.x in their BAR (virtio 1.2 §4.1.4).
extension VirtioPCI {
  private typealias Layout = VirtioPCILayout
  private static let deviceArea = Layout.deviceOffset..<Layout.deviceOffset + Layout.deviceByteCount

  static func modernConfiguration(
    _ device: any VirtioDevice, queueCount: Int, _ msix: MSIXTable, _ pin: PCIInterruptPin
  ) -> PCIConfigurationSpace {
    PCIConfigurationSpace(
      identity: PCIIdentity(
        vendor: Layout.vendor, device: Layout.firstDevice + device.deviceID, classCode: device.classCode,
        revision: Layout.revision),
      bars: [Layout.structuresBAR: Layout.structuresByteCount],
      vendorCapabilities: Layout.capabilities(queueCount: queueCount), msix: (Layout.msixBAR, msix),
      interruptPin: pin)
  }

  /// The notification of a queue: a write of any value to the queue's own address.
  func modernNotification(_ index: Int, _ channel: VirtqueueChannel) -> PCINotification {
    PCINotification(
      bar: Layout.structuresBAR, offset: Layout.notifyOffset + UInt64(index) * Layout.notifyMultiplier,
      eventDescriptor: channel.notificationDescriptor)
  }

  func readStructures(_ offset: UInt64, _ byteCount: Int) -> UInt64 {
    switch offset {
    case ..<Layout.commonByteCount:
      state.withLock { state in assemble(byteCount) { commonByte(state, offset + $0) } }
    case Layout.isrOffset: UInt64(signals.takeISR())
    case Self.deviceArea:
      state.withLock { _ in readDeviceConfiguration(offset - Layout.deviceOffset, byteCount) }
    default: 0
    }
  }

  func writeStructures(_ offset: UInt64, _ byteCount: Int, _ value: UInt64) {
    switch offset {
    case ..<Layout.commonByteCount:
      state.withLock { writeCommon(&$0, offset, byteCount, value) }
    case Self.deviceArea:
      let start = offset - Layout.deviceOffset
      state.withLock { _ in device.writeConfiguration(offset: start, byteCount: byteCount, value: value) }
    case Layout.notifyOffset...:
      // For a write that no ioeventfd of KVM takes.
      let (index, remainder) = (offset - Layout.notifyOffset)
        .quotientAndRemainder(dividingBy: Layout.notifyMultiplier)
      if remainder == 0, index < UInt64(channels.count) { channels[Int(index)].notify() }
    default: return
    }
  }
}
