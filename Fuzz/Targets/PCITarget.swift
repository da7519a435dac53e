import Hypervisor
import SystemPackage
import TestSupport
import VextProtocol

/// PCI with devices of every kind: configuration space by both ways, BARs that are moved onto each other, MSI-X tables,
/// and the registers behind the BARs.
///
/// At most one device watches a write, slots keep their identities, and devices that are reset assert no line.
final class PCITarget: FuzzTarget {
  private static let memoryByteCount: UInt64 = 4 << 20
  private static let slotCount = 5
  private static let bars: [UInt64] = [0x10, 0x14, 0x18, 0x1C, 0x20, 0x24]
  private static let widths = [1, 2, 4, 4, 4, 8]
  private static let addresses: [UInt64] = [
    0, 0xFFFF_FFFF, PCIHost.barWindowStart, PCIHost.barWindowEnd - 0x1000, PCIHost.configurationAreaStart,
    0xC100_8000, 0xC10F_F000, 0xFEE0_0000, 0x1000, 0x1100, 0xFF00, 0xFFF0, 0xCF8, 0x60,
  ]

  /// A guest's view: the buses, and what is on them.
  private struct Machine {
    let memoryBus = AddressBus()
    let portBus = AddressBus()
    let recorder = VirtioEventRecorder(checksMessages: true)
    let lines = InterruptLineRecorder()
    let server: SteppedQueueServer
    let host: PCIHost
    let virtio: [VirtioPCI]
    let vext: VextDevice

    init(image: DiskImage) throws {
      let memory = try GuestMemory(byteCount: PCITarget.memoryByteCount)
      let server = try SteppedQueueServer(engine: .sync, polling: true, capacity: 64)
      let recorder = recorder
      let transports: [VirtioTransport] = [.modern, .legacy, .modern]
      virtio = try transports.map { transport in
        let block = VirtioBlock(
          disk: image, queueCount: 2, queueDepth: 16, memory: memory, servers: [server])
        return try VirtioPCI(device: block, memory: memory, router: recorder, transport: transport)
      }
      vext = VextDevice(name: "fuzz", disk: image, queueCount: 2, memory: memory, servers: [server])
      host = PCIHost(
        memoryBus: memoryBus, portBus: portBus, registrar: recorder, interruptLine: lines.line)
      for function in virtio { try host.add(function) }
      try host.add(vext)
      self.server = server
      try FuzzFailure.check(
        portBus.insert(host, start: UInt64(PCIHost.firstPort.rawValue), byteCount: PCIHost.portCount),
        "the PCI host's ports are taken")
    }

    /// The first word of each slot.
    var identities: [UInt64] { (0..<PCITarget.slotCount).map { readConfiguration($0, 0) } }

    func readConfiguration(_ slot: Int, _ register: UInt64) -> UInt64 {
      memoryBus.read(PCITarget.area(slot) + register, byteCount: 4)
    }
  }

  private let image: DiskImage

  init(directory: ScratchDirectory) throws {
    image = try DiskImage(path: try directory.makeDisk(byteCount: 1 << 16), readOnly: false, direct: false)
  }

  /// Where a slot is in the memory-mapped configuration area.
  private static func area(_ slot: Int) -> UInt64 { PCIHost.configurationAreaStart + UInt64(slot) << 15 }

  func run(_ input: inout FuzzInput) throws {
    let machine = try Machine(image: image)
    defer {
      for function in machine.virtio { function.shutDown() }
      machine.vext.shutDown()
    }
    let identities = machine.identities
    for slot in 1..<Self.slotCount where input.happens(oneIn: 2) {
      machine.memoryBus.write(Self.area(slot) + 4, byteCount: 2, value: 7)
    }
    while !input.isExhausted {
      step(machine, &input)
      try FuzzFailure.check(
        machine.recorder.violations.isEmpty, machine.recorder.violations.joined(separator: "; "))
    }
    for function in machine.virtio {
      let isModern = function.transport == .modern
      function.writeBAR(0, offset: isModern ? 0x14 : 18, byteCount: 1, value: 0)
    }
    try FuzzFailure.check(
      machine.lines.active.isEmpty, "lines \(machine.lines.active) after all resets")
    try FuzzFailure.check(machine.identities == identities, "a slot has another identity")
    for slot in 1..<Self.slotCount {
      machine.memoryBus.write(Self.area(slot) + 4, byteCount: 2, value: 0)
    }
    try FuzzFailure.check(
      machine.recorder.notificationCount == 0 && machine.recorder.violations.isEmpty,
      "writes are watched of functions that decode nothing")
  }

  private func step(_ machine: Machine, _ input: inout FuzzInput) {
    switch input.below(8) {
    case 0, 1, 2: configure(machine, &input)
    case 3, 4, 5: accessBAR(machine, &input)
    case 6:
      let bus = input.happens(oneIn: 2) ? machine.memoryBus : machine.portBus
      access(bus, input.changed(input.pick(Self.addresses), oneIn: 4), &input)
    default:
      let function = input.pick(machine.virtio)
      function.configuration.msix?.raise(input.changed(UInt16(input.below(4)), oneIn: 8))
      machine.server.pass()
    }
  }

  /// An access to configuration space, through the ports or through the area.
  private func configure(_ machine: Machine, _ input: inout FuzzInput) {
    let slot = input.below(Self.slotCount + 1)
    let register = input.pick(
      [4, 4, input.pick(Self.bars), input.pick(Self.bars), 0x3C, UInt64(0x40 + input.below(0xC0))])
    let byteCount = input.pick(Self.widths)
    let value = input.pick(
      [
        UInt64(input.below(8)), input.pick(Self.addresses), input.changed(0x8000, oneIn: 4),
        input.interesting(),
        machine.readConfiguration(input.below(Self.slotCount), input.pick(Self.bars)),
      ])
    let offset = input.changed(register, oneIn: 16)
    let isWrite = !input.happens(oneIn: 4)
    let (bus, address): (AddressBus, UInt64)
    if input.happens(oneIn: 2) {
      let selected = 1 << 31 | UInt64(slot) << 11 | offset & 0xFC
      machine.portBus.write(0xCF8, byteCount: 4, value: input.changed(selected, oneIn: 16))
      (bus, address) = (machine.portBus, 0xCFC + offset & 3)
    } else {
      (bus, address) = (machine.memoryBus, Self.area(slot) &+ offset)
    }
    if isWrite {
      bus.write(address, byteCount: byteCount, value: value)
    } else {
      _ = bus.read(address, byteCount: byteCount)
    }
  }

  /// An access near the start of one of the structures behind a BAR.
  private func accessBAR(_ machine: Machine, _ input: inout FuzzInput) {
    let value = machine.readConfiguration(1 + input.below(Self.slotCount - 1), input.pick(Self.bars))
    let structure = input.pick([0, 0, 0, 0x800, 0x1000, 0x2000, 0x3000] as [UInt64])
    let offset = structure + UInt64(input.below(0x40))
    if value & 1 == 1 {
      access(machine.portBus, (value & ~3) &+ offset, &input)
    } else {
      access(machine.memoryBus, (value & ~15) &+ offset, &input)
    }
  }

  private func access(_ bus: AddressBus, _ address: UInt64, _ input: inout FuzzInput) {
    let byteCount = input.pick(Self.widths)
    if input.happens(oneIn: 3) {
      _ = bus.read(address, byteCount: byteCount)
    } else {
      // Often a status, the last step of a start.
      let value = input.pick([UInt64(input.below(16)), 0x10 + UInt64(input.below(16)), input.interesting()])
      bus.write(address, byteCount: byteCount, value: value)
    }
  }
}
