import Synchronization
import SystemPackage

/// The legacy interface's registers (virtio 1.2 §4.1.4.10). There is no FEATURES_OK; a queue is enabled by its page.
extension VirtioPCI {
  private typealias Layout = VirtioLegacyLayout
  private typealias Register = VirtioLegacyLayout.Register

  static func legacyConfiguration(
    _ device: any VirtioDevice, _ msix: MSIXTable, _ pin: PCIInterruptPin
  ) throws(Errno) -> PCIConfigurationSpace {
    guard let pciDevice = Layout.pciDevice(of: device.deviceID) else { throw .notSupported }
    return PCIConfigurationSpace(
      identity: PCIIdentity(
        vendor: VirtioPCILayout.vendor, device: pciDevice, classCode: device.classCode,
        subsystem: device.deviceID),
      bars: [:], portBARs: [Layout.registersBAR: Layout.registersByteCount],
      msix: (VirtioPCILayout.msixBAR, msix), interruptPin: pin)
  }

  /// The notification of a queue: a write of its number to the notify register.
  func legacyNotification(_ index: Int, _ channel: VirtqueueChannel) -> PCINotification {
    PCINotification(
      bar: Layout.registersBAR, offset: Register.queueNotify,
      condition: .init(byteCount: Layout.notifyByteCount, value: UInt64(index)),
      eventDescriptor: channel.notificationDescriptor)
  }

  func readLegacy(_ offset: UInt64, _ byteCount: Int) -> UInt64 {
    let configuration = Layout.configurationOffset(usesMessages: msix.isEnabled)
    return state.withLock { state in
      guard offset < configuration else { return readDeviceConfiguration(offset - configuration, byteCount) }
      return assemble(byteCount) { legacyByte(state, offset + $0) }
    }
  }

  private func legacyByte(_ state: State, _ offset: UInt64) -> UInt8 {
    if offset == Register.isr { return signals.takeISR() }
    return UInt8(truncatingIfNeeded: legacyWord(state, offset & ~3) >> UInt32((offset & 3) * 8))
  }

  private func legacyWord(_ state: State, _ offset: UInt64) -> UInt32 {
    let queue = state.selectedQueue
    switch offset {
    case Register.deviceFeatures: return UInt32(truncatingIfNeeded: offeredFeatures.rawValue)
    case Register.driverFeatures: return UInt32(truncatingIfNeeded: state.driverFeatures)
    case Register.queuePage:
      guard let queue, state.queues[queue].isEnabled else { return 0 }
      return state.queues[queue].layout.legacyPage
    case Register.queueSize:
      return UInt32(queue.map { state.queues[$0].layout.size } ?? 0) | UInt32(state.queueSelect) << 16
    case Register.queueNotify: return UInt32(reportedStatus(state).rawValue) << 16
    case Register.configurationVector where msix.isEnabled:
      let vector = queue.map { channels[$0].vector.load(ordering: .relaxed) } ?? VirtioSignals.noVector
      return UInt32(signals.configurationVector.load(ordering: .relaxed)) | UInt32(vector) << 16
    default: return 0
    }
  }

  func writeLegacy(_ offset: UInt64, _ byteCount: Int, _ value: UInt64) {
    let configuration = Layout.configurationOffset(usesMessages: msix.isEnabled)
    if (offset, byteCount) == (Register.queueNotify, Layout.notifyByteCount) {
      // For a write that no ioeventfd of KVM takes.
      let index = Int(value & 0xFFFF)
      if index < channels.count { channels[index].notify() }
      return
    }
    state.withLock { state in
      if offset >= configuration {
        device.writeConfiguration(offset: offset - configuration, byteCount: byteCount, value: value)
      } else {
        writeLegacyRegister(&state, offset, byteCount, value)
      }
    }
  }

  private func writeLegacyRegister(
    _ state: inout State, _ offset: UInt64, _ byteCount: Int, _ value: UInt64
  ) {
    switch (byteCount, offset) {
    case (4, Register.driverFeatures):
      guard !state.status.contains(.driverOK) else { return }
      state.driverFeatures = value & offeredFeatures.rawValue
    case (4, Register.queuePage): setQueuePage(&state, UInt32(truncatingIfNeeded: value))
    case (2, Register.queueSelect): state.queueSelect = UInt16(truncatingIfNeeded: value)
    case (1, Register.deviceStatus):
      writeStatus(&state, VirtioDeviceStatus(rawValue: UInt8(truncatingIfNeeded: value)))
    case (2, Register.configurationVector):
      signals.configurationVector.store(vector(value), ordering: .relaxed)
    case (2, Register.queueVector):
      guard let queue = state.selectedQueue else { return }
      channels[queue].vector.store(vector(value), ordering: .relaxed)
      if state.isServing { device.interruptChanged(ofQueue: queue) }
    default: return
    }
  }

  /// Sets a queue's page. Page 0 removes the queue; if the device serves it, all queues are taken back, because the
  /// driver may reuse the memory.
  private func setQueuePage(_ state: inout State, _ page: UInt32) {
    guard let queue = state.selectedQueue else { return }
    if state.isServing {
      guard page == 0, state.queues[queue].isEnabled else { return }
      stopServing(&state)
      signals.fail(.removedWhileServed)
    }
    state.queues[queue].layout = VirtqueueLayout(size: queueSizes[queue], legacyPage: page)
    state.queues[queue].isEnabled = page != 0
  }
}
