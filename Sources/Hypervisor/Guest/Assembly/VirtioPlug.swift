import SystemPackage

/// Plugs devices into the slots of the PCI host, one after the other.
struct VirtioPlug {
  private let machine: Machine
  private let transport: VirtioTransport
  private let usesIOEventFD: Bool
  /// The virtio functions that were plugged in so far.
  private(set) var functions: [VirtioPCI] = []

  init(_ configuration: GuestConfiguration, _ machine: Machine) {
    self.machine = machine
    transport = configuration.transport
    usesIOEventFD = configuration.usesIOEventFD
  }

  /// Plugs in a virtio device.
  mutating func insert(
    _ device: any VirtioDevice, part: GuestError.Part, transport wanted: VirtioTransport? = nil
  ) throws(GuestError) {
    let function = try GuestError.attributing(to: part) { () throws(Errno) in
      try VirtioPCI(
        device: device, memory: machine.memory, router: machine.vm, transport: wanted ?? transport,
        usesIOEventFD: usesIOEventFD)
    }
    try insert(function: function, part: part)
    functions.append(function)
  }

  /// Connects to the back ends of `devices`, and plugs the devices in.
  mutating func insert(
    _ devices: [GuestConfiguration.VhostUserDevice], part: GuestError.Part
  ) throws(GuestError) {
    for device in devices {
      let made: VhostUserDevice
      do throws(VhostUserError) {
        made = try VhostUserDevice(
          path: device.socketPath, kind: device.kind, memory: machine.memory, machine: machine.name)
      } catch { throw GuestError(part, "\(device.socketPath): \(error)") }
      // Back ends of libvhost-user refuse drivers of the legacy interface.
      try insert(made, part: part, transport: .modern)
    }
  }

  /// Plugs in any function; `addresses` says where BARs are to be.
  ///
  /// - Returns: its slot.
  @discardableResult
  func insert(
    function: any PCIFunction, part: GuestError.Part, addresses: [Int: UInt64] = [:]
  ) throws(GuestError) -> Int {
    try GuestError.attributing(to: part) { () throws(PCIHostError) in
      try machine.pci.add(function, addresses: addresses)
    }
  }
}
