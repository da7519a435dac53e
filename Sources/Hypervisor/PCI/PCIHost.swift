import HostSystem
import Synchronization
public import SystemPackage

/// What of KVM the PCI host needs: eventfds on guest-physical writes (KVM_IOEVENTFD; a recorder in tests).
public protocol NotificationRegistrar: AnyObject, Sendable {
  /// From now on a write of any length to `address` signals `eventDescriptor`.
  func addNotification(address: UInt64, eventDescriptor: Int32) throws(Errno)
  /// Ends that.
  func removeNotification(address: UInt64, eventDescriptor: Int32)
}

/// The PCI host bridge: configuration mechanism 1 (ports CF8h and CFCh, PCI Local Bus 3.0 §3.2.2.3.2) over bus 0,
/// and the BARs on the memory bus, which follow when a guest moves them.
///
/// vCPU threads call it through the port bus.
public final class PCIHost: BusDevice {
  /// First port; the host takes eight.
  public static let firstPort = PortAddress(0xCF8)
  /// Where BARs are assigned from, as firmware would.
  public static let barWindowStart: UInt64 = 0xC100_0000
  /// End of the window for BARs.
  public static let barWindowEnd: UInt64 = 0xFEC0_0000

  private struct Mapping {
    let address: UInt64
    let window: BARWindow
  }

  private struct State {
    var address: UInt32 = 0
    var functions: [any PCIFunction] = []
    var mappings: [[Int: Mapping]] = []
    var nextBAR = PCIHost.barWindowStart
  }

  private let state = Mutex(State())
  private let memoryBus: AddressBus
  private let registrar: any NotificationRegistrar

  /// A host without functions, whose BARs go onto `memoryBus`.
  public init(memoryBus: AddressBus, registrar: any NotificationRegistrar) {
    self.memoryBus = memoryBus
    self.registrar = registrar
  }

  /// Plugs `function` into the next slot and assigns its BARs; it decodes nothing until the guest says so.
  ///
  /// - Throws: ENOSPC where slots or the window for BARs are used up.
  public func add(_ function: any PCIFunction) throws(Errno) {
    try state.withLock { (state) throws(Errno) in
      guard state.functions.count < 32 else { throw .noSpace }
      for bar in function.configuration.bars {
        let size = UInt64(max(bar.byteCount, 4096))
        let address = (state.nextBAR + size - 1) & ~(size - 1)
        guard address + size <= Self.barWindowEnd else { throw .noSpace }
        function.configuration.assign(bar: bar.index, address: UInt32(address))
        state.nextBAR = address + size
      }
      state.functions.append(function)
      state.mappings.append([:])
    }
  }

  /// Reads the address register (CF8h) or, through it, configuration space (CFCh to CFFh).
  public func read(offset: UInt64, byteCount: Int) -> UInt64 {
    state.withLock { state in
      if offset < 4 { return offset == 0 && byteCount == 4 ? UInt64(state.address) : .max }
      guard let (index, register) = Self.target(state, offset) else { return .max }
      return UInt64(state.functions[index].configuration.read(register, byteCount: byteCount))
    }
  }

  /// Writes the address register (CF8h, 32 bits) or, through it, configuration space.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    state.withLock { state in
      if offset < 4 {
        if offset == 0 && byteCount == 4 { state.address = UInt32(truncatingIfNeeded: value) }
        return
      }
      guard let (index, register) = Self.target(state, offset) else { return }
      let function = state.functions[index]
      function.configuration.write(register, byteCount: byteCount, value: UInt32(truncatingIfNeeded: value))
      remap(&state, index)
    }
  }

  /// Decodes the address register: enable bit, bus 0, device, function 0, register, plus the byte of CFCh-CFFh.
  private static func target(_ state: State, _ offset: UInt64) -> (index: Int, register: Int)? {
    let address = state.address
    let device = Int(address >> 11 & 0x1F)
    guard address & 1 << 31 != 0, address >> 16 & 0xFF == 0, address >> 8 & 7 == 0 else { return nil }
    guard device < state.functions.count else { return nil }
    return (device, Int(address & 0xFC) + Int(offset - 4))
  }

  /// Takes the function's BARs from where they no longer are, then maps each BAR of the bus that waits for a place: one
  /// may have become free for it.
  private func remap(_ state: inout State, _ index: Int) {
    let function = state.functions[index]
    for bar in function.configuration.bars {
      guard let current = state.mappings[index][bar.index] else { continue }
      if function.configuration.decodedAddress(ofBAR: bar.index) == current.address { continue }
      memoryBus.remove(current.window, start: current.address)
      setNotifications(of: function, bar: bar.index, at: current.address, active: false)
      state.mappings[index][bar.index] = nil
    }
    for index in state.functions.indices { mapWaitingBARs(&state, index) }
  }

  private func mapWaitingBARs(_ state: inout State, _ index: Int) {
    let function = state.functions[index]
    for bar in function.configuration.bars where state.mappings[index][bar.index] == nil {
      guard let wanted = function.configuration.decodedAddress(ofBAR: bar.index) else { continue }
      let window = BARWindow(function: function, bar: bar.index)
      // Two BARs at one address are the guest's mistake: the first keeps it.
      guard memoryBus.insert(window, start: wanted, byteCount: UInt64(bar.byteCount)) else { continue }
      setNotifications(of: function, bar: bar.index, at: wanted, active: true)
      state.mappings[index][bar.index] = Mapping(address: wanted, window: window)
    }
  }

  private func setNotifications(of function: any PCIFunction, bar: Int, at address: UInt64, active: Bool) {
    for notification in function.notifications where notification.bar == bar {
      let target = address + notification.offset
      if active {
        // Where KVM refuses (out of slots), the write still reaches the device through writeBAR.
        try? registrar.addNotification(address: target, eventDescriptor: notification.eventDescriptor)
      } else {
        registrar.removeNotification(address: target, eventDescriptor: notification.eventDescriptor)
      }
    }
  }
}

/// A BAR on the memory bus.
private final class BARWindow: BusDevice {
  private let function: any PCIFunction
  private let bar: Int

  init(function: any PCIFunction, bar: Int) {
    self.function = function
    self.bar = bar
  }

  func read(offset: UInt64, byteCount: Int) -> UInt64 {
    if bar == function.configuration.msixBAR, let msix = function.configuration.msix {
      return msix.read(offset: offset, byteCount: byteCount)
    }
    return function.readBAR(bar, offset: offset, byteCount: byteCount)
  }

  func write(offset: UInt64, byteCount: Int, value: UInt64) {
    if bar == function.configuration.msixBAR, let msix = function.configuration.msix {
      return msix.write(offset: offset, byteCount: byteCount, value: value)
    }
    function.writeBAR(bar, offset: offset, byteCount: byteCount, value: value)
  }
}
