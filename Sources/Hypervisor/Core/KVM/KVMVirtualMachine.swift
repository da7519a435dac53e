import CKVM
import HostSystem
public import SystemPackage
import Synchronization
import VextProtocol

/// A virtual machine of KVM: memory slots, the in-kernel interrupt chips, irqfds and ioeventfds. Any thread.
public final class KVMVirtualMachine: Sendable {
  let descriptor: OwnedDescriptor
  private let routes = Mutex(InterruptRoutes())
  /// The owners of the memory beside RAM, by KVM's slot.
  private let memorySlots = Mutex<[UInt32: any AnyObject & Sendable]>([:])
  private let memory: GuestMemory
  let runByteCount: Int
  let supportedCPUID: CPUIDTable
  /// KVM_MEM_READONLY.
  private static let readOnlySlot: UInt32 = 1 << 1

  /// Makes a machine with `memory` as its RAM, the in-kernel PIC, I/O APIC and local APICs, and the PIT.
  public init(system: borrowing KVMSystem, memory: GuestMemory) throws(KVMError) {
    let descriptor = try system.makeVirtualMachineDescriptor()
    runByteCount = system.runByteCount
    supportedCPUID = try system.supportedCPUID()
    // Before the interrupt chips, because KVM publishes both to readers under SRCU: slots that come later would wait for
    // a grace period, which takes milliseconds.
    for (slot, region) in memory.regions.enumerated() {
      try kvmResult(
        "KVM_SET_USER_MEMORY_REGION",
        Self.setMemory(
          descriptor.rawValue, slot: UInt32(slot), address: region.start.rawValue,
          byteCount: region.byteCount, host: region.host))
    }
    // Four pages below the largest firmware that VT-x without unrestricted guests uses for real mode (KVM API §4.34, §4.35).
    var identityMap: UInt64 = 0xFEFF_C000
    try kvmResult(
      "KVM_SET_IDENTITY_MAP_ADDR",
      KVMCall.make(descriptor.rawValue, CKVM_SET_IDENTITY_MAP_ADDR, &identityMap))
    try kvmResult("KVM_SET_TSS_ADDR", ckvm_ioctl(descriptor.rawValue, CKVM_SET_TSS_ADDR, 0xFEFF_D000))
    try kvmResult("KVM_CREATE_IRQCHIP", ckvm_ioctl(descriptor.rawValue, CKVM_CREATE_IRQCHIP, 0))
    var pit = kvm_pit_config()
    pit.flags = UInt32(KVM_PIT_SPEAKER_DUMMY)
    try kvmResult("KVM_CREATE_PIT2", KVMCall.make(descriptor.rawValue, CKVM_CREATE_PIT2, &pit))
    self.descriptor = descriptor
    self.memory = memory
  }

  /// Sets a memory slot (KVM API §4.35); one of 0 bytes is removed.
  private static func setMemory(
    _ descriptor: Int32, slot: UInt32, address: UInt64, byteCount: UInt64, host: HostAddress,
    flags: UInt32 = 0
  ) -> Int32 {
    var description = kvm_userspace_memory_region(
      slot: slot, flags: flags, guest_phys_addr: address, memory_size: byteCount,
      userspace_addr: host.rawValue)
    return KVMCall.make(descriptor, CKVM_SET_USER_MEMORY_REGION, &description)
  }

  /// Makes vCPU number `index` of `count`. Its local APIC's ID is `index`, and its CPUID describes all `count` cores.
  func makeVCPU(index: Int, of count: Int) throws(KVMError) -> KVMVirtualCPU {
    let descriptor = OwnedDescriptor(
      adopting: try kvmResult(
        "KVM_CREATE_VCPU", ckvm_ioctl(self.descriptor.rawValue, CKVM_CREATE_VCPU, UInt(index))))
    var cpuid = supportedCPUID
    cpuid.describe(apicID: UInt32(index), coreCount: UInt32(count))
    return try KVMVirtualCPU(index: index, descriptor: descriptor, runByteCount: runByteCount, cpuid: cpuid)
  }

  /// Drives interrupt line `gsi` of the PIC and I/O APIC (KVM API §4.25).
  public func setInterruptLine(_ gsi: UInt32, active: Bool) throws(Errno) {
    // struct kvm_irq_level: the line, then its level.
    var level = UInt64(gsi) | (active ? 1 << 32 : 0)
    try check(KVMCall.make(descriptor.rawValue, CKVM_IRQ_LINE, &level))
  }

  /// The time that kvmclock shows to the guest now, in nanoseconds (KVM API §4.29).
  func clockNanoseconds() throws(KVMError) -> UInt64 {
    var data = kvm_clock_data()
    try kvmResult("KVM_GET_CLOCK", KVMCall.make(descriptor.rawValue, CKVM_GET_CLOCK, &data))
    return data.clock
  }

  /// Sets kvmclock to `nanoseconds` (KVM API §4.30). No vCPU may run.
  func setClock(nanoseconds: UInt64) throws(KVMError) {
    var data = kvm_clock_data()
    data.clock = nanoseconds
    try kvmResult("KVM_SET_CLOCK", KVMCall.make(descriptor.rawValue, CKVM_SET_CLOCK, &data))
  }

  private func setRouting(_ routes: borrowing InterruptRoutes) throws(Errno) {
    var table = routes.table
    try check(KVMCall.make(descriptor.rawValue, CKVM_SET_GSI_ROUTING, &table))
  }

  /// Connects an eventfd with a GSI, or undoes that (KVM API §4.75).
  ///
  /// - Parameter acknowledgement: with KVM_IRQFD_FLAG_RESAMPLE, the eventfd that KVM signals when the guest ends an interrupt.
  func setIRQFD(
    _ eventDescriptor: Int32, gsi: UInt32, flags: UInt32, acknowledgement: Int32 = 0
  ) throws(Errno) {
    var request = kvm_irqfd()
    request.fd = UInt32(bitPattern: eventDescriptor)
    request.gsi = gsi
    request.flags = flags
    request.resamplefd = UInt32(bitPattern: acknowledgement)
    try check(KVMCall.make(descriptor.rawValue, CKVM_IRQFD, &request))
  }

  private func setIOEventFD(_ write: WatchedWrite, _ eventDescriptor: Int32, flags: UInt32) throws(Errno) {
    var request = kvm_ioeventfd()
    request.addr = write.address
    request.len = 0  // any length: KVM_CAP_IOEVENTFD_ANY_LENGTH
    request.fd = eventDescriptor
    request.flags = flags
    if write.space == .port { request.flags |= 1 << UInt32(kvm_ioeventfd_flag_nr_pio) }
    if let condition = write.condition {
      request.len = UInt32(truncatingIfNeeded: condition.byteCount)
      request.datamatch = condition.value
      request.flags |= 1 << UInt32(kvm_ioeventfd_flag_nr_datamatch)
    }
    try check(KVMCall.make(descriptor.rawValue, CKVM_IOEVENTFD, &request))
  }
}

extension KVMVirtualMachine: MessageInterruptRouter {
  /// Reserves a GSI and makes `eventDescriptor` its irqfd (KVM API §4.75).
  public func addRoute(eventDescriptor: Int32) throws(Errno) -> UInt32 {
    try routes.withLock { (routes) throws(Errno) in
      guard let gsi = routes.reserve() else { throw .noSpace }
      do throws(Errno) { try setIRQFD(eventDescriptor, gsi: gsi, flags: 0) } catch {
        routes.release(gsi)
        throw error
      }
      return gsi
    }
  }

  /// Replaces the machine's routing table (KVM API §4.52).
  public func setMessage(_ message: InterruptMessage, ofRoute route: UInt32) throws(Errno) {
    try routes.withLock { (routes) throws(Errno) in
      let before = routes
      guard routes.set(message, gsi: route) else { return }
      do throws(Errno) { try setRouting(routes) } catch {
        routes = before
        throw error
      }
    }
  }

  /// Removes the irqfd and frees its GSI.
  public func removeRoute(_ route: UInt32, eventDescriptor: Int32) {
    routes.withLock { routes in
      // Fails only for a descriptor that is not assigned, in which case there is nothing to undo.
      try? setIRQFD(eventDescriptor, gsi: route, flags: UInt32(KVM_IRQFD_FLAG_DEASSIGN))
      routes.release(route)
    }
  }
}

extension KVMVirtualMachine: MemorySlotRegistrar {
  /// Takes the lowest free slot behind those of RAM. Waits for a grace period of the kernel's, which takes milliseconds.
  public func addMemory(_ memory: any HostMemoryArea, at address: UInt64) throws(Errno) -> UInt32 {
    try addSlot(for: memory, byteCount: memory.byteCount, host: memory.host, at: address)
  }

  /// Maps memory beside RAM, and keeps its owner as long as the slot.
  func addSlot(
    for owner: any AnyObject & Sendable, byteCount: UInt64, host: HostAddress, at address: UInt64,
    flags: UInt32 = 0
  ) throws(Errno) -> UInt32 {
    try memorySlots.withLock { (taken) throws(Errno) in
      var slot = UInt32(GuestMemory.regionLimit)
      while taken[slot] != nil { slot += 1 }
      try check(
        Self.setMemory(
          descriptor.rawValue, slot: slot, address: address, byteCount: byteCount, host: host, flags: flags))
      taken[slot] = owner
      return slot
    }
  }

  /// Maps the firmware at the end of the first 4 GiB. A guest's writes to it reach the memory bus, where no device claims them.
  func addFirmware(_ image: FirmwareImage) throws(KVMError) {
    do throws(Errno) {
      _ = try addSlot(
        for: image, byteCount: image.byteCount, host: image.host, at: image.address.rawValue,
        flags: Self.readOnlySlot)
    } catch {
      throw .failed(request: "KVM_SET_USER_MEMORY_REGION", error)
    }
  }

  /// Removes a slot.
  public func removeMemory(slot: UInt32) {
    memorySlots.withLock { taken in
      // Fails only for a slot that is not there.
      guard
        Self.setMemory(descriptor.rawValue, slot: slot, address: 0, byteCount: 0, host: HostAddress(0)) == 0
      else { return }
      taken[slot] = nil
    }
  }
}

extension KVMVirtualMachine: NotificationRegistrar {
  /// Registers an ioeventfd (KVM API §4.59).
  public func addNotification(_ write: WatchedWrite, eventDescriptor: Int32) throws(Errno) {
    try setIOEventFD(write, eventDescriptor, flags: 0)
  }

  /// Removes an ioeventfd.
  public func removeNotification(_ write: WatchedWrite, eventDescriptor: Int32) {
    // Fails only for an ioeventfd that is not assigned, in which case there is nothing to undo.
    try? setIOEventFD(write, eventDescriptor, flags: 1 << UInt32(kvm_ioeventfd_flag_nr_deassign))
  }
}

/// An interrupt line of KVM's in-kernel chips (KVM API §4.25).
public final class KVMInterruptLine: InterruptLine {
  private let vm: KVMVirtualMachine
  private let gsi: UInt32

  /// Line `gsi` of `vm`: 0 to 15 reach the PIC and the I/O APIC, 16 to 23 only the I/O APIC.
  public init(vm: KVMVirtualMachine, gsi: UInt32) {
    self.vm = vm
    self.gsi = gsi
  }

  /// Drives the line.
  public func set(active: Bool) {
    // Fails only without in-kernel chips, which every machine has.
    try? vm.setInterruptLine(gsi, active: active)
  }
}
