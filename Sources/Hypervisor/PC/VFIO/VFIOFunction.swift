import HostSystem
import Synchronization
import SystemPackage

/// A PCI function of the guest's that is a device of the host (vfio-pci).
///
/// The guest's configuration space is emulated: identity, BARs, interrupts. Reads and writes of the capabilities that are passed on
/// (``VFIOCapabilities``) reach the host's kernel, which filters them, and so does the bit that lets the device access memory. The
/// device itself answers to its BARs all the time, whatever the guest sets: the host's kernel takes the pages of BARs that do not
/// answer from this process, and an access of another vCPU at this moment would end the guest.
///
/// KVM maps whole pages of BARs, without those that have the table of MSI-X. Other accesses go through the device's file. Any thread.
final class VFIOFunction: PCIFunction {
  private static let commandOfDevice =
    PCIConfigurationSpace.Command.memorySpace | PCIConfigurationSpace.Command.portSpace

  let configuration: PCIConfigurationSpace
  let notifications: [PCINotification] = []
  /// The device.
  let device: VFIODevice
  private let interrupts: VFIOInterrupts
  private let runs: [Int: [PCIMemoryRun]]
  private let log: VextLog
  /// The command register of the device.
  private let command = Mutex(VFIOFunction.commandOfDevice)

  /// Makes a function of `device`, which answers to its BARs from now on.
  init(
    _ device: VFIODevice, messages: any MessageInterruptRouter, lines: any LevelInterruptRouter, log: VextLog
  ) throws(VFIOError) {
    self.device = device
    self.log = log
    configuration = PCIConfigurationSpace(
      identity: device.identity, bars: device.bars, capabilities: device.placedCapabilities,
      interruptPin: device.hasLine ? PCIInterruptPin() : nil)
    interrupts = VFIOInterrupts(device, messages: messages, lines: lines, log: log)
    do throws(Errno) {
      try device.writeConfiguration(
        PCIConfigurationSpace.Register.command, byteCount: 2, value: UInt32(Self.commandOfDevice))
    } catch { throw .failed(device.address, request: "writing its command register", error) }
    var runs: [Int: [PCIMemoryRun]] = [:]
    for bar in device.bars where bar.space == .memory && !bar.isROM {
      let region = device.regions[bar.index]
      for range in region.mappableRuns(without: Self.emulated(device, bar.index)) {
        // Where it cannot be mapped, accesses go through the file.
        guard
          let area = try? device.file.map(
            at: region.offset &+ range.lowerBound, byteCount: Int(range.upperBound - range.lowerBound))
        else { continue }
        runs[bar.index, default: []].append(PCIMemoryRun(offset: range.lowerBound, area: area))
      }
    }
    self.runs = runs
  }

  /// The parts of a BAR that the device never sees accesses to.
  private static func emulated(_ device: VFIODevice, _ bar: Int) -> [Range<UInt64>] {
    guard let msix = device.capabilities.msix else { return [] }
    return msix.table.range(in: bar) + msix.pendingBits.range(in: bar)
  }

  /// Wires the interrupt pin to an input of the interrupt chips. Before the guest runs.
  func connectLine(gsi: UInt32) {
    interrupts.connectLine(gsi: gsi)
    interrupts.update(settings)
  }

  /// Takes the device from the guest: it neither interrupts nor accesses memory any more. The vCPUs must have stopped.
  func shutDown() {
    interrupts.shutDown()
    setBusMaster(false)
    guard device.canReset else { return }
    do throws(Errno) { try device.reset() } catch { log.warn("VFIO_DEVICE_RESET: \(error)") }
  }

  // MARK: BARs

  func memory(ofBAR bar: Int) -> [PCIMemoryRun] { runs[bar] ?? [] }

  /// Reads a register of the device; all ones where it does not answer.
  func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 {
    if let msix = device.capabilities.msix {
      switch Self.overlap(msix.table, bar, offset, byteCount) {
      case .within(let place): return interrupts.readTable(offset: place, byteCount: byteCount)
      case .partly: return 0
      case .apart: break
      }
      switch Self.overlap(msix.pendingBits, bar, offset, byteCount) {
      case .within(let place): return interrupts.readPendingBits(offset: place, byteCount: byteCount)
      case .partly: return 0
      case .apart: break
      }
    }
    guard bar < device.regions.count, device.regions[bar].flags.contains(.readable),
      device.regions[bar].contains(offset, byteCount)
    else { return .max }
    return (try? device.file.read(byteCount, at: device.regions[bar].offset &+ offset)) ?? .max
  }

  /// Writes a register of the device.
  func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {
    if let msix = device.capabilities.msix {
      switch Self.overlap(msix.table, bar, offset, byteCount) {
      case .within(let place):
        return interrupts.writeTable(offset: place, byteCount: byteCount, value: value)
      case .partly: return
      case .apart: break
      }
      guard Self.overlap(msix.pendingBits, bar, offset, byteCount) == .apart else { return }
    }
    guard bar < device.regions.count, device.regions[bar].flags.contains(.writable),
      device.regions[bar].contains(offset, byteCount)
    else { return }
    // A device that is gone takes nothing.
    try? device.file.write(value, byteCount: byteCount, at: device.regions[bar].offset &+ offset)
  }

  /// How an access and a place of a BAR meet.
  private enum Overlap: Equatable {
    case apart
    case partly
    /// The access begins this far into the place.
    case within(UInt64)
  }

  private static func overlap(
    _ place: VFIOCapabilities.Place, _ bar: Int, _ offset: UInt64, _ byteCount: Int
  ) -> Overlap {
    let (end, overflow) = offset.addingReportingOverflow(UInt64(max(byteCount, 0)))
    guard place.bar == bar, !overflow, offset < place.range.upperBound, end > place.range.lowerBound else {
      return .apart
    }
    guard offset >= place.range.lowerBound, end <= place.range.upperBound else { return .partly }
    return .within(offset - place.range.lowerBound)
  }

  // MARK: Configuration space

  func readConfiguration(_ offset: Int, byteCount: Int) -> UInt32 {
    var value = configuration.read(offset, byteCount: byteCount)
    guard offset >= 0, (1...4).contains(byteCount), offset <= 256 - byteCount else { return value }
    let access = offset..<offset + byteCount
    for passed in device.capabilities.passed {
      let part = passed.body.clamped(to: access)
      guard !part.isEmpty else { continue }
      let bits = (try? device.readConfiguration(part.lowerBound, byteCount: part.count)) ?? .max
      let (shift, mask) = Self.place(part, in: access)
      value = value & ~mask | bits << shift & mask
    }
    // Drivers that share the line ask whether their device interrupts.
    if access.contains(PCIConfigurationSpace.Register.status) {
      let status =
        (try? device.readConfiguration(PCIConfigurationSpace.Register.status, byteCount: 2)) ?? 0
      let bit = status & UInt32(PCIConfigurationSpace.Status.interrupt)
      value |= bit << UInt32((PCIConfigurationSpace.Register.status - offset) * 8)
    }
    return value
  }

  func writeConfiguration(_ offset: Int, byteCount: Int, value: UInt32) {
    configuration.write(offset, byteCount: byteCount, value: value)
    guard offset >= 0, (1...4).contains(byteCount), offset <= 256 - byteCount else { return }
    let access = offset..<offset + byteCount
    for passed in device.capabilities.passed {
      let part = passed.body.clamped(to: access)
      guard !part.isEmpty else { continue }
      let (shift, mask) = Self.place(part, in: access)
      try? device.writeConfiguration(
        part.lowerBound, byteCount: part.count, value: (value & mask) >> shift)
    }
    let command = configuration.read(PCIConfigurationSpace.Register.command, byteCount: 2)
    setBusMaster(command & UInt32(PCIConfigurationSpace.Command.busMaster) != 0)
    interrupts.update(settings)
  }

  /// Where `part` of an access is in the access's value.
  private static func place(_ part: Range<Int>, in access: Range<Int>) -> (shift: UInt32, mask: UInt32) {
    let shift = UInt32((part.lowerBound - access.lowerBound) * 8)
    let mask: UInt32 = part.count >= 4 ? .max : 1 << UInt32(part.count * 8) - 1
    return (shift, mask << shift)
  }

  /// Lets the device access memory and send messages, or forbids it.
  private func setBusMaster(_ isOn: Bool) {
    command.withLock { command in
      let bit = PCIConfigurationSpace.Command.busMaster
      let wanted = isOn ? Self.commandOfDevice | bit : Self.commandOfDevice
      guard wanted != command else { return }
      do throws(Errno) {
        try device.writeConfiguration(
          PCIConfigurationSpace.Register.command, byteCount: 2, value: UInt32(wanted))
        command = wanted
      } catch { log.warn("its command register: \(error)") }
    }
  }

  /// What the guest has set of interrupts.
  private var settings: VFIOInterrupts.Settings {
    var settings = VFIOInterrupts.Settings()
    let command = configuration.read(PCIConfigurationSpace.Register.command, byteCount: 2)
    settings.isLineEnabled = command & UInt32(PCIConfigurationSpace.Command.interruptDisable) == 0
    if let msix = device.capabilities.msix {
      let control = configuration.read(msix.control, byteCount: 2)
      settings.isMSIXEnabled = control & VFIOCapabilities.MSIX.enable != 0
      settings.isMSIXMasked = control & VFIOCapabilities.MSIX.functionMask != 0
    }
    if let msi = device.capabilities.msi { settings.msi = messages(msi) }
    return settings
  }

  private func messages(_ msi: VFIOCapabilities.MSI) -> VFIOInterrupts.Settings.MSI? {
    let control = configuration.read(msi.control, byteCount: 2)
    guard control & VFIOCapabilities.MSI.enable != 0 else { return nil }
    let high = msi.hasWideAddress ? UInt64(configuration.read(msi.address + 4, byteCount: 4)) : 0
    let message = InterruptMessage(
      address: UInt64(configuration.read(msi.address, byteCount: 4)) | high << 32,
      data: configuration.read(msi.data, byteCount: 2))
    // A guest that asks for more messages than the device can send gets as many as it can.
    let asked = 1 << Int(min(control >> VFIOCapabilities.MSI.countShift & 7, 5))
    return VFIOInterrupts.Settings.MSI(
      message: message, count: min(asked, msi.vectorCount),
      mask: msi.hasMask ? configuration.read(msi.mask, byteCount: 4) : 0)
  }
}
