import VextProtocol

/// Starts firmware instead of a kernel: the first vCPU at the reset vector, the others waiting for INIT and SIPI.
///
/// Control thread only, before the machine starts.
struct FirmwareBoot: Sendable {
  private let image: FirmwareImage
  private let items: FirmwareItems

  /// Writes the copy below 1 MiB into `memory`, which must be new.
  ///
  /// - Parameter bootSlots: PCI slots of the disks, in the order in which the firmware tries to boot them.
  init(
    _ image: FirmwareImage, memory: GuestMemory, vcpuCount: Int, bootSlots: [Int]
  ) throws(BootError) {
    guard (1...BootLayout.vcpuLimit).contains(vcpuCount) else {
      throw .badVCPUCount(vcpuCount, limit: BootLayout.vcpuLimit)
    }
    let shadow = image.shadow
    do throws(GuestMemoryError) {
      guard memory.byteCount >= BootLayout.minimumMemory else {
        throw .outsideMemory(GuestAddress(0), byteCount: BootLayout.minimumMemory)
      }
      try memory.write(shadow, at: GuestAddress(BootLayout.highMemory - UInt64(shadow.count)))
    } catch {
      throw .memoryTooSmall(byteCount: memory.byteCount, minimum: BootLayout.minimumMemory)
    }
    self.image = image
    items = FirmwareItems(
      memoryByteCount: memory.byteCount, vcpuCount: vcpuCount, bootSlots: bootSlots)
  }

  /// Maps the image into `machine`, plugs in the device by which the firmware learns of the machine, and sets the vCPUs' state.
  func prepare(_ machine: Machine) throws(BootError) {
    let device = FirmwareConfigurationDevice(items, memory: machine.memory)
    let isFree = machine.portBus.insert(
      device, start: FirmwareConfigurationDevice.firstPort, byteCount: FirmwareConfigurationDevice.portCount)
    precondition(isFree, "nothing else claims the ports")
    do throws(KVMError) {
      try machine.vm.addFirmware(image)
      // The others are in the state after a reset, too.
      try machine.vcpus.first?.vcpu.startAtResetVector()
    } catch {
      throw .kvm(error)
    }
  }
}
