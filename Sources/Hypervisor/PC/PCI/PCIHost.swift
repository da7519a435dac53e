import Synchronization

/// The PCI host bridge: configuration mechanism 1, the memory-mapped configuration area, the BARs and the interrupt
/// lines.
///
/// Mechanism 1 uses ports CF8h and CFCh (PCI Local Bus 3.0 §3.2.2.3.2). The BARs follow on their buses when a guest moves
/// them. Slot 0 is the bridge itself. vCPU threads call it through the buses, which own it and outlive its use of them.
public final class PCIHost: BusDevice {
  /// The host's first port.
  public static let firstPort = PortAddress(0xCF8)
  /// Number of the host's ports, CF9h among them.
  public static let portCount: UInt64 = 8
  /// Start of the window for memory BARs, which are assigned as firmware does.
  public static let barWindowStart: UInt64 = 0xC100_0000
  /// End of the window for memory BARs.
  public static let barWindowEnd: UInt64 = 0xFEC0_0000
  /// Start of the window for port BARs.
  public static let portWindowStart: UInt64 = 0x1000
  /// End of the window for port BARs.
  public static let portWindowEnd: UInt64 = 0x1_0000
  /// Guest-physical address of the memory-mapped configuration area.
  public static let configurationAreaStart: UInt64 = 0xC000_0000
  /// Size of the configuration area in bytes: bus 0.
  public static let configurationAreaByteCount: UInt64 = 1 << 20
  /// Number of slots of the bus; functions are plugged into all but slot 0.
  public static let slotCount = 32
  struct Mapping {
    let address: UInt64
    let window: BARWindow
    /// KVM's slots of the parts that are memory.
    var slots: [UInt32]
  }

  struct State {
    var address: UInt32 = 0
    var functions: [any PCIFunction] = []
    var mappings: [[Int: Mapping]] = []
    /// Runs of memory addresses that BARs got by name.
    var reserved: [Range<UInt64>] = []
    var nextMemory = PCIHost.barWindowStart
    var nextPort = PCIHost.portWindowStart
  }

  private let state = Mutex(State())
  // The buses own the host, which does not keep them alive.
  unowned let memoryBus: AddressBus
  unowned let portBus: AddressBus
  let registrar: any NotificationRegistrar
  let memorySlots: (any MemorySlotRegistrar)?
  /// The line of each GSI to which slots are wired.
  private let lines: [(gsi: UInt32, line: SharedInterruptLine)]
  private let resetControl: (any BusDevice)?

  /// Makes a host with only the bridge, and claims the configuration area on `memoryBus`.
  ///
  /// The caller puts the host onto the port bus. BARs go onto both buses.
  ///
  /// - Parameters:
  ///   - memorySlots: maps the memory of BARs that have some; without it such a BAR reads as zero.
  ///   - resetControl: gets single bytes at port CF9h, which lies among the host's ports.
  ///   - interruptLine: makes the line of each GSI that slots are wired to (``InterruptWiring``).
  public init(
    memoryBus: AddressBus, portBus: AddressBus, registrar: any NotificationRegistrar,
    memorySlots: (any MemorySlotRegistrar)? = nil, resetControl: (any BusDevice)? = nil,
    interruptLine: (_ gsi: UInt32) -> any InterruptLine
  ) {
    self.memoryBus = memoryBus
    self.portBus = portBus
    self.registrar = registrar
    self.memorySlots = memorySlots
    self.resetControl = resetControl
    var lines: [(gsi: UInt32, line: SharedInterruptLine)] = []
    for gsi in (0..<Self.slotCount).map(InterruptWiring.gsi(ofPCISlot:)) {
      if lines.contains(where: { $0.gsi == gsi }) { continue }
      lines.append((gsi, SharedInterruptLine(interruptLine(gsi))))
    }
    self.lines = lines
    state.withLock { state in
      state.functions = [PCIHostBridge()]
      state.mappings = [[:]]
    }
    let inserted = memoryBus.insert(
      PCIConfigurationArea(host: self), start: Self.configurationAreaStart,
      byteCount: Self.configurationAreaByteCount)
    precondition(inserted, "the configuration area's addresses are taken")
  }

  /// Plugs `function` into the next slot, wires its interrupt pin and assigns its BARs.
  ///
  /// The function decodes nothing until the guest enables it.
  ///
  /// - Parameter addresses: where memory BARs are to be at first; others get the next free address.
  /// - Returns: the slot, from 1 on.
  @discardableResult
  public func add(
    _ function: any PCIFunction, addresses: [Int: UInt64] = [:]
  ) throws(PCIHostError) -> Int {
    try state.withLock { (state) throws(PCIHostError) in
      let slot = state.functions.count
      guard slot < Self.slotCount else { throw .noSlot(limit: Self.slotCount - 1) }
      for bar in function.configuration.bars {
        let address =
          if let wanted = addresses[bar.index] { try Self.reserve(wanted, for: bar, &state) } else {
            try Self.place(bar, &state)
          }
        function.configuration.assign(bar: bar.index, address: address)
      }
      let gsi = InterruptWiring.gsi(ofPCISlot: slot)
      if let line = lines.first(where: { $0.gsi == gsi })?.line {
        function.configuration.wire(to: line.makeInput(), gsi: gsi)
      }
      state.functions.append(function)
      state.mappings.append([:])
      return slot
    }
  }

  /// Takes the memory at `address` for `bar`.
  private static func reserve(
    _ address: UInt64, for bar: PCIBaseAddress, _ state: inout State
  ) throws(PCIHostError) -> UInt32 {
    let size = UInt64(max(bar.byteCount, 4096))
    let (end, overflow) = address.addingReportingOverflow(size)
    guard !overflow, address.isMultiple(of: size), address >= state.nextMemory, end <= barWindowEnd,
      !state.reserved.contains(where: { $0.overlaps(address..<end) })
    else { throw .addressTaken(address) }
    state.reserved.append(address..<end)
    return UInt32(address)
  }

  /// Returns the next free address for `bar`; each BAR has its own page, or its own 256 ports.
  private static func place(_ bar: PCIBaseAddress, _ state: inout State) throws(PCIHostError) -> UInt32 {
    switch bar.space {
    case .memory:
      let size = UInt64(max(bar.byteCount, 4096))
      var address = (state.nextMemory + size - 1) & ~(size - 1)
      while let taken = state.reserved.first(where: { $0.overlaps(address..<address + size) }) {
        address = (taken.upperBound + size - 1) & ~(size - 1)
      }
      guard address + size <= barWindowEnd else { throw .noMemoryRange }
      state.nextMemory = address + size
      return UInt32(address)
    case .port:
      let address = state.nextPort
      guard address + 256 <= portWindowEnd else { throw .noPortRange }
      state.nextPort = address + 256
      return UInt32(address)
    }
  }

  /// Reads a port: the address register (CF8h, 32 bits), reset control (CF9h, 8 bits) or configuration data (CFCh to
  /// CFFh).
  public func read(offset: UInt64, byteCount: Int) -> UInt64 {
    switch (offset, byteCount) {
    case (0, 4): return state.withLock { UInt64($0.address) }
    case (1, 1): return resetControl?.read(offset: 0, byteCount: 1) ?? .max
    case (4..., _):
      guard let (slot, register) = target(offset) else { return .max }
      return readConfiguration(slot: slot, register: register, byteCount: byteCount)
    default: return .max
    }
  }

  /// Writes a port, as ``read(offset:byteCount:)`` reads it.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    switch (offset, byteCount) {
    case (0, 4): state.withLock { $0.address = UInt32(truncatingIfNeeded: value) }
    case (1, 1): resetControl?.write(offset: 0, byteCount: 1, value: value)
    case (4..., _):
      guard let (slot, register) = target(offset) else { return }
      writeConfiguration(slot: slot, register: register, byteCount: byteCount, value: value)
    default: return
    }
  }

  /// Decodes the address register: enable bit, bus 0, device, function 0, register, plus the byte of CFCh-CFFh.
  private func target(_ offset: UInt64) -> (slot: Int, register: Int)? {
    let address = state.withLock { $0.address }
    guard address & 1 << 31 != 0, address >> 16 & 0xFF == 0, address >> 8 & 7 == 0 else { return nil }
    return (Int(address >> 11 & 0x1F), Int(address & 0xFC) + Int(offset & 3))
  }

  /// Reads configuration space; all ones without a function or register there.
  func readConfiguration(slot: Int, register: Int, byteCount: Int) -> UInt64 {
    let function: (any PCIFunction)? = state.withLock { state in
      slot < state.functions.count ? state.functions[slot] : nil
    }
    guard let function, [1, 2, 4].contains(byteCount) else { return .max }
    return UInt64(function.readConfiguration(register, byteCount: byteCount))
  }

  /// Writes configuration space, and moves the BARs.
  func writeConfiguration(slot: Int, register: Int, byteCount: Int, value: UInt64) {
    // Under the lock, so that BARs end at the addresses of the last write.
    state.withLock { state in
      guard slot < state.functions.count, [1, 2, 4].contains(byteCount) else { return }
      let function = state.functions[slot]
      function.writeConfiguration(register, byteCount: byteCount, value: UInt32(truncatingIfNeeded: value))
      remap(&state, slot)
    }
  }
}

/// The reason why a function could not be plugged in.
public enum PCIHostError: Error, Equatable, CustomStringConvertible, Sendable {
  /// All slots behind the host bridge are taken.
  case noSlot(limit: Int)
  /// The window for memory BARs is used up.
  case noMemoryRange
  /// The window for port BARs is used up.
  case noPortRange
  /// A BAR cannot be at this address: it is no multiple of the size, has another BAR, or is outside the window.
  case addressTaken(UInt64)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .noSlot(let limit): "more devices than PCI slots: there are \(limit)"
    case .noMemoryRange: "the devices' registers need more memory addresses than there are for PCI"
    case .noPortRange: "the devices' registers need more ports than there are for PCI"
    case .addressTaken(let address):
      "the address 0x\(String(address, radix: 16)) is not a multiple of the size, taken, or outside "
        + "0x\(String(PCIHost.barWindowStart, radix: 16)) to 0x\(String(PCIHost.barWindowEnd, radix: 16))"
    }
  }
}

/// The host bridge in slot 0: an identity by which operating systems detect configuration mechanism 1.
final class PCIHostBridge: PCIFunction {
  /// A generic host bridge of the PCI ID repository's; class 0600h.
  let configuration = PCIConfigurationSpace(
    identity: PCIIdentity(vendor: 0x1B36, device: 0x0008, classCode: 0x06_00_00), bars: [:])
  let notifications: [PCINotification] = []

  func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 { 0 }

  func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {}
}
