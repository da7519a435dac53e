import HostSystem
import SystemPackage

/// The devices of the host that a guest has (VFIO), as functions on its PCI bus.
final class GuestHostDevices: Sendable {
  private let functions: [VFIOFunction]
  /// KVM learns from it that the guest has devices whose memory accesses it does not see.
  private let registration: OwnedDescriptor
  private let container: VFIOContainer

  /// Pins the guest's RAM, into which everything has been loaded, and plugs the devices in.
  init(_ container: VFIOContainer, plug: VirtioPlug, machine: Machine) throws(GuestError) {
    try GuestError.attributing(to: .hostDevice) { () throws(VFIOError) in try container.map(machine.memory) }
    self.container = container
    registration = try GuestError.attributing(to: .hostDevice) { () throws(KVMError) in
      try machine.vm.register(groups: container.groups.map(\.descriptor))
    }
    var functions: [VFIOFunction] = []
    for device in container.devices {
      let function = try GuestError.attributing(to: .hostDevice) { () throws(VFIOError) in
        try VFIOFunction(
          device, messages: machine.vm, lines: machine.vm,
          log: VextLog(device: "\(machine.name) \(device.address):"))
      }
      let slot = try plug.insert(function: function, part: .hostDevice)
      function.connectLine(gsi: InterruptWiring.gsi(ofPCISlot: slot))
      functions.append(function)
    }
    self.functions = functions
  }

  /// Takes the devices from the guest, and resets them. The vCPUs must have stopped.
  func shutDown() {
    for function in functions { function.shutDown() }
  }
}
