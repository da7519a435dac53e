import SystemPackage

/// A PCI device of the host that VFIO has opened: its regions, and what its configuration space says.
final class VFIODevice: Sendable {
  /// The interrupts of PCI devices (VFIO_PCI_..._IRQ_INDEX).
  enum Interrupt: Int, Sendable {
    case line = 0
    case msi = 1
    case msix = 2
  }

  /// VFIO_DEVICE_FLAGS_RESET.
  private static let canResetFlag: UInt32 = 1 << 0
  /// VFIO_DEVICE_FLAGS_PCI.
  private static let pciFlag: UInt32 = 1 << 1
  /// The number of words of the structure of VFIO_DEVICE_GET_INFO.
  private static let infoWordCount = 5
  /// The largest memory BAR that has room below 4 GiB.
  static let barByteLimit: UInt64 = 1 << 28

  let address: HostPCIAddress
  let file: any VFIOFile
  /// Whether the device has a reset of its own.
  let canReset: Bool
  /// The BARs, and behind them the expansion ROM.
  let regions: [VFIORegion]
  let capabilities: VFIOCapabilities
  /// The BARs and the expansion ROM as the guest sees them.
  let bars: [PCIBaseAddress]
  /// The first 256 bytes of the configuration space, as they were after the reset.
  private let configuration: [UInt8]
  /// Where the configuration space is in the device's file.
  private let configurationOffset: UInt64
  /// The number of interrupts of each kind.
  private let interruptCounts: [Int]

  /// Takes over `file`, resets the device, and reads what it is.
  init(_ address: HostPCIAddress, file: any VFIOFile) throws(VFIOError) {
    self.address = address
    self.file = file
    var info = [UInt32](repeating: 0, count: Self.infoWordCount)
    info[0] = UInt32(info.count * 4)
    let configurationRegion: VFIORegion
    var regions: [VFIORegion] = []
    do throws(Errno) {
      _ = try file.perform(VFIORequest.deviceInfo, &info)
      configurationRegion = try VFIORegion(VFIORegion.Index.configuration, of: file)
    } catch { throw .failed(address, request: "VFIO_DEVICE_GET_INFO", error) }
    guard info[1] & Self.pciFlag != 0, configurationRegion.byteCount >= 256 else {
      throw .notAnEndpoint(address)
    }
    let canReset = info[1] & Self.canResetFlag != 0
    // The program that had the device before may have left it at work. One that refuses is used as it is.
    if canReset { _ = try? file.perform(VFIORequest.reset, 0) }
    let start = configurationRegion.offset
    var bytes: [UInt8] = []
    do throws(Errno) {
      for offset in stride(from: 0 as UInt64, to: 256, by: 4) {
        let word = try file.read(4, at: start &+ offset)
        for byte in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(byte * 8))) }
      }
    } catch { throw .failed(address, request: "reading its configuration space", error) }
    // Bit 7 says that the device has further functions.
    guard bytes[0x0E] & 0x7F == 0 else { throw .notAnEndpoint(address) }
    do throws(Errno) {
      for index in 0...VFIORegion.Index.rom { regions.append(try VFIORegion(index, of: file)) }
    } catch { throw .failed(address, request: "VFIO_DEVICE_GET_REGION_INFO", error) }
    var counts: [Int] = []
    for kind in [Interrupt.line, .msi, .msix] {
      // A kernel without interrupts of this kind refuses the question.
      counts.append((try? Self.interruptCount(kind, of: file)) ?? 0)
    }
    self.canReset = canReset
    configurationOffset = start
    interruptCounts = counts
    configuration = bytes
    self.regions = regions
    bars = try Self.bars(address, bytes, regions)
    capabilities = VFIOCapabilities(
      bytes, barByteCounts: (0..<6).map { Self.isMemory(bytes, $0) ? regions[$0].byteCount : 0 })
  }

  /// Who made the device, and what it is.
  var identity: PCIIdentity {
    func word(_ offset: Int) -> UInt16 {
      UInt16(truncatingIfNeeded: VFIOCapabilities.number(configuration, offset, 2))
    }
    return PCIIdentity(
      vendor: word(0), device: word(2), classCode: VFIOCapabilities.number(configuration, 8, 4) >> 8,
      revision: configuration[8], subsystemVendor: word(0x2C), subsystem: word(0x2E))
  }

  /// Whether the device has an interrupt pin, and VFIO its interrupt.
  var hasLine: Bool { configuration[0x3D] != 0 && count(of: .line) > 0 }

  /// The capabilities for the guest's configuration space.
  var placedCapabilities: [PCIPlacedCapability] { capabilities.placed(configuration) }

  /// Number of interrupts of a kind that VFIO can connect.
  func count(of kind: Interrupt) -> Int { interruptCounts[kind.rawValue] }

  /// Reads 1 to 4 bytes of the configuration space.
  func readConfiguration(_ offset: Int, byteCount: Int) throws(Errno) -> UInt32 {
    UInt32(truncatingIfNeeded: try file.read(byteCount, at: configurationOffset &+ UInt64(offset)))
  }

  /// Writes 1 to 4 bytes of the configuration space.
  func writeConfiguration(_ offset: Int, byteCount: Int, value: UInt32) throws(Errno) {
    try file.write(UInt64(value), byteCount: byteCount, at: configurationOffset &+ UInt64(offset))
  }

  /// Connects interrupts of a kind with eventfds, from number `start` on; -1: with none.
  ///
  /// - Returns: 0; or how many interrupts the host has for the device, if they are fewer, and none is connected.
  @discardableResult
  func setInterrupts(_ kind: Interrupt, start: Int, events: [Int32]) throws(Errno) -> Int {
    let flags: UInt32 = 1 << 2 | 1 << 5  // VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_ACTION_TRIGGER
    return try setInterrupts(kind, flags: flags, start: start, count: events.count, events)
  }

  /// Lets the eventfd `event` unmask the line, which VFIO masks when it raises it.
  func setUnmasking(_ event: Int32) throws(Errno) {
    let flags: UInt32 = 1 << 2 | 1 << 4  // VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_ACTION_UNMASK
    _ = try setInterrupts(.line, flags: flags, start: 0, count: 1, [event])
  }

  /// Turns all interrupts of a kind off.
  func clearInterrupts(_ kind: Interrupt) throws(Errno) {
    let flags: UInt32 = 1 << 0 | 1 << 5  // VFIO_IRQ_SET_DATA_NONE, VFIO_IRQ_SET_ACTION_TRIGGER
    _ = try setInterrupts(kind, flags: flags, start: 0, count: 0, [])
  }

  /// Resets the device, so that it neither writes to memory nor raises interrupts.
  func reset() throws(Errno) {
    guard canReset else { throw .notSupported }
    _ = try file.perform(VFIORequest.reset, 0)
  }

  /// The structure vfio_irq_set: its size, flags, the kind, the first interrupt, their number, then the eventfds.
  private func setInterrupts(
    _ kind: Interrupt, flags: UInt32, start: Int, count: Int, _ events: [Int32]
  ) throws(Errno) -> Int {
    var words = [0, flags, UInt32(kind.rawValue), UInt32(start), UInt32(count)]
    words += events.map(UInt32.init(bitPattern:))
    words[0] = UInt32(words.count * 4)
    return Int(try file.perform(VFIORequest.setInterrupts, &words))
  }

  /// The structure vfio_irq_info: its size, flags, the kind, the number of interrupts.
  private static func interruptCount(_ kind: Interrupt, of file: any VFIOFile) throws(Errno) -> Int {
    var words: [UInt32] = [16, 0, UInt32(kind.rawValue), 0]
    _ = try file.perform(VFIORequest.interruptInfo, &words)
    return Int(words[3])
  }

  private static func isMemory(_ bytes: [UInt8], _ bar: Int) -> Bool { bytes[0x10 + bar * 4] & 1 == 0 }

  /// BARs of 64 bits become such of 32, whose next register is not there.
  private static func bars(
    _ address: HostPCIAddress, _ bytes: [UInt8], _ regions: [VFIORegion]
  ) throws(VFIOError) -> [PCIBaseAddress] {
    var bars: [PCIBaseAddress] = []
    for (index, region) in regions.enumerated() where region.byteCount > 0 {
      let isROM = index == PCIBaseAddress.romIndex
      let space: AddressSpace = isROM || isMemory(bytes, index) ? .memory : .port
      guard let byteCount = UInt32(exactly: region.byteCount), region.byteCount <= barByteLimit else {
        throw .barTooBig(address, bar: index, byteCount: region.byteCount)
      }
      switch space {
      case .memory:
        let least = isROM ? PCIBaseAddress.leastROMByteCount : 16
        let size = max(least, byteCount.roundedUpToPowerOfTwo)
        bars.append(PCIBaseAddress(index: index, space: .memory, byteCount: size))
      case .port:
        // No BAR of ports has more (PCI Local Bus 3.0 §6.2.5.1).
        guard byteCount.nonzeroBitCount == 1, (4...256).contains(byteCount) else { continue }
        bars.append(PCIBaseAddress(index: index, space: .port, byteCount: byteCount))
      }
    }
    return bars
  }
}

extension UInt32 {
  /// The next power of two; meaningless beyond 2^31.
  fileprivate var roundedUpToPowerOfTwo: UInt32 {
    self < 2 ? 1 : 1 << (32 - UInt32((self - 1).leadingZeroBitCount))
  }
}
