import CGuest

/// The virtio-blk function on its modern PCI transport (virtio 1.2 §4.1, §5.2). Worker 0 sets it up for all.
struct VirtioBlockDevice {
  /// PCI identity: 1040h plus the device type, block.
  static let vendor: UInt16 = 0x1AF4
  static let device: UInt16 = 0x1042

  private let common: UInt64
  private let notify: UInt64
  private let notifyMultiplier: UInt64
  private let configuration: UInt64
  private let interrupts: DriverMSIXTable

  /// The common configuration structure (§4.1.4.3).
  enum Common {
    static let deviceFeatureSelect: UInt64 = 0x00
    static let deviceFeature: UInt64 = 0x04
    static let driverFeatureSelect: UInt64 = 0x08
    static let driverFeature: UInt64 = 0x0C
    static let configMSIXVector: UInt64 = 0x10
    static let deviceStatus: UInt64 = 0x14
    static let queueSelect: UInt64 = 0x16
    static let queueSize: UInt64 = 0x18
    static let queueMSIXVector: UInt64 = 0x1A
    static let queueEnable: UInt64 = 0x1C
    static let queueNotifyOffset: UInt64 = 0x1E
    static let queueDescriptors: UInt64 = 0x20
    static let queueDriver: UInt64 = 0x28
    static let queueDevice: UInt64 = 0x30
  }

  /// Device status (§2.1).
  enum Status {
    static let acknowledge: UInt8 = 1
    static let driver: UInt8 = 2
    static let driverOK: UInt8 = 4
    static let featuresOK: UInt8 = 8
    static let needsReset: UInt8 = 64
  }

  /// Feature bits (§5.2.3, §6).
  private enum Feature {
    static let flush: UInt64 = 1 << 9
    static let multiqueue: UInt64 = 1 << 12
    static let indirectDescriptors: UInt64 = 1 << 28
    static let eventIndex: UInt64 = 1 << 29
    static let version1: UInt64 = 1 << 32

    static let needed = indirectDescriptors | eventIndex | version1
  }

  /// The device configuration (§5.2.4).
  private enum Configuration {
    static let capacity: UInt64 = 0
    static let queueCount: UInt64 = 34
  }

  private static let noVector: UInt16 = 0xFFFF

  /// Finds the device and brings it to DRIVER_OK with a queue and an interrupt for each worker.
  static func initialize(_ parameters: Parameters) throws(GuestFailure) {
    let function = try DriverPCIFunction.find(vendor: vendor, device: device)
    function.enable()
    let device = try VirtioBlockDevice(function)
    try device.negotiate(parameters)
    for worker in 0..<parameters.workerCount { try device.setUpQueue(of: worker, parameters) }
    device.interrupts.enable()
    device.addStatus(Status.driverOK)
  }

  private init(_ function: DriverPCIFunction) throws(GuestFailure) {
    guard let common = try VirtioCapability.find(.common, in: function),
      let notify = try VirtioCapability.find(.notify, in: function),
      let configuration = try VirtioCapability.find(.device, in: function)
    else { throw GuestFailure(reason: .deviceMissing) }
    self.common = common.address
    self.notify = notify.address
    notifyMultiplier = UInt64(notify.notifyMultiplier)
    self.configuration = configuration.address
    interrupts = try DriverMSIXTable(function)
    Handover.device = common.address
  }

  /// The steps of §3.1.1 up to FEATURES_OK.
  private func negotiate(_ parameters: Parameters) throws(GuestFailure) {
    guest_store8(common + Common.deviceStatus, 0)
    while guest_load8(common + Common.deviceStatus) != 0 { guest_pause() }
    addStatus(Status.acknowledge)
    addStatus(Status.driver)

    var offered: UInt64 = 0
    for half in UInt32(0)..<2 {
      guest_store32(common + Common.deviceFeatureSelect, half)
      offered |= UInt64(guest_load32(common + Common.deviceFeature)) << (UInt64(half) * 32)
    }
    let accepted = offered & (Feature.needed | Feature.flush | Feature.multiqueue)
    guard accepted & Feature.needed == Feature.needed else { throw GuestFailure(reason: .deviceMissing) }
    for half in UInt32(0)..<2 {
      guest_store32(common + Common.driverFeatureSelect, half)
      guest_store32(
        common + Common.driverFeature, UInt32(truncatingIfNeeded: accepted >> (UInt64(half) * 32)))
    }
    addStatus(Status.featuresOK)
    let status = guest_load8(common + Common.deviceStatus)
    guard status & Status.featuresOK != 0 else {
      throw GuestFailure(reason: .queueRefused, detail: UInt64(status))
    }
    Handover.canFlush = accepted & Feature.flush != 0

    let isMultiqueue = accepted & Feature.multiqueue != 0
    let queues = isMultiqueue ? guest_load16(configuration + Configuration.queueCount) : 1
    guard Int(queues) >= parameters.workerCount else { throw GuestFailure(reason: .deviceMissing) }
    let sectors =
      UInt64(guest_load32(configuration + Configuration.capacity))
      | UInt64(guest_load32(configuration + Configuration.capacity + 4)) << 32
    guard parameters.regionByteCount / 512 <= sectors else {
      throw GuestFailure(reason: .badParameter, detail: UInt64(ParameterWord.regionByteCount))
    }
    guest_store16(common + Common.configMSIXVector, Self.noVector)
  }

  /// Registers the queue of `worker` and routes its interrupt to the worker's vCPU.
  private func setUpQueue(of worker: Int, _ parameters: Parameters) throws(GuestFailure) {
    let index = UInt16(truncatingIfNeeded: worker)
    guest_store16(common + Common.queueSelect, index)
    let largestSize = guest_load16(common + Common.queueSize)
    if worker == 0 { Handover.largestQueueSize = largestSize }
    var arena = parameters.arena(of: worker)
    let rings = try VirtqueueRings(
      parameters: parameters, largestSize: Handover.largestQueueSize, arena: &arena)
    guard rings.size <= largestSize else { throw GuestFailure(reason: .deviceMissing) }
    try rings.clear()

    try interrupts.route(index, toProcessor: index, vector: WorkloadLayout.interruptVector)
    guest_store16(common + Common.queueSize, rings.size)
    guest_store16(common + Common.queueMSIXVector, index)
    guard guest_load16(common + Common.queueMSIXVector) == index else {
      throw GuestFailure(reason: .queueRefused, detail: UInt64(guest_load8(common + Common.deviceStatus)))
    }
    storeAddress(Common.queueDescriptors, rings.descriptors)
    storeAddress(Common.queueDriver, rings.available)
    storeAddress(Common.queueDevice, rings.used)
    let offset = UInt64(guest_load16(common + Common.queueNotifyOffset))
    Handover.setNotifyAddress(of: worker, notify + offset * notifyMultiplier)
    guest_store16(common + Common.queueEnable, 1)
  }

  /// 64-bit fields are written as two halves (§4.1.3.1).
  private func storeAddress(_ register: UInt64, _ address: UInt64) {
    guest_store32(common + register, UInt32(truncatingIfNeeded: address))
    guest_store32(common + register + 4, UInt32(truncatingIfNeeded: address >> 32))
  }

  private func addStatus(_ bit: UInt8) {
    guest_store8(
      common + Common.deviceStatus, guest_load8(common + Common.deviceStatus) | bit)
  }
}
