import Synchronization

/// The 256 bytes of a function's configuration space, type 0 (PCI Local Bus 3.0 §6.1). Any thread.
///
/// It knows which bits a guest may write, the BARs, the interrupt pin and the capability list.
public final class PCIConfigurationSpace: Sendable {
  /// Byte offsets of registers.
  public enum Register {
    /// 16 bits: see ``Command``.
    public static let command = 0x04
    /// 16 bits: see ``Status``.
    public static let status = 0x06
    /// 32 bits each, six of them.
    public static let firstBAR = 0x10
    /// 32 bits: the expansion ROM's address, with its enable bit in bit 0.
    public static let expansionROM = 0x30
    /// 8 bits: offset of the first capability.
    public static let capabilitiesPointer = 0x34
    /// 8 bits: the interrupt input to which firmware wired the pin; the device ignores it.
    public static let interruptLine = 0x3C
    /// 8 bits: 1 for INTA, 0 for none.
    public static let interruptPin = 0x3D
  }

  /// Bits of the command register.
  public enum Command {
    /// The function answers to its port BARs.
    public static let portSpace: UInt16 = 1 << 0
    /// The function answers to its memory BARs.
    public static let memorySpace: UInt16 = 1 << 1
    /// The function may write to memory, its interrupts' messages included.
    public static let busMaster: UInt16 = 1 << 2
    /// Line interrupts are off.
    public static let interruptDisable: UInt16 = 1 << 10
  }

  /// Bits of the status register.
  public enum Status {
    /// The function asserts a line interrupt, disabled or not.
    public static let interrupt: UInt16 = 1 << 3
    /// There is a capability list.
    public static let capabilities: UInt16 = 1 << 4
  }

  private enum CapabilityID {
    static let vendor: UInt8 = 0x09
    static let msix: UInt8 = 0x11
  }

  /// Bits of MSI-X's message control (§6.8.2.3).
  private enum MSIXControl {
    static let enable: UInt16 = 1 << 15
    static let functionMask: UInt16 = 1 << 14
  }

  private struct State {
    var bytes = [UInt8](repeating: 0, count: 256)
    var writable = [UInt8](repeating: 0, count: 256)
    var nextCapability = 0x40
    var lastCapability: Int?
  }

  private let state: Mutex<State>
  /// The BARs, by index.
  public let bars: [PCIBaseAddress]
  /// Offsets of the vendor-specific capabilities.
  public let vendorCapabilityOffsets: [Int]
  /// The function's MSI-X table, if it has one.
  public let msix: MSIXTable?
  /// The BAR that holds `msix`: its table at offset 0, its pending bits at ``MSIXTable/pendingOffset``.
  public let msixBAR: Int?
  /// The function's interrupt pin, if it has one.
  public let interruptPin: PCIInterruptPin?
  private let msixControlOffset: Int?

  /// Makes a configuration space.
  ///
  /// It has memory BARs of `bars` and port BARs of `portBARs` (index to size in bytes, powers of two),
  /// `vendorCapabilities` (ID 09h), and MSI-X in BAR `msixBAR`, whose size is added here.
  ///
  /// - Precondition: the BARs and capabilities fit; they come from device code, never from a guest.
  public init(
    identity: PCIIdentity, bars: [Int: UInt32], portBARs: [Int: UInt32] = [:],
    vendorCapabilities: [PCICapability] = [], msix: (bar: Int, table: MSIXTable)? = nil,
    interruptPin: PCIInterruptPin? = nil
  ) {
    let memoryBARs = msix.map { msix in bars.merging([msix.bar: MSIXTable.barByteCount]) { $1 } } ?? bars
    self.bars =
      (memoryBARs.map { PCIBaseAddress(index: $0, space: .memory, byteCount: $1) }
      + portBARs.map { PCIBaseAddress(index: $0, space: .port, byteCount: $1) })
      .sorted { $0.index < $1.index }
    var command = Command.memorySpace | Command.busMaster | Command.interruptDisable
    if !portBARs.isEmpty { command |= Command.portSpace }
    var state = Self.header(identity, self.bars, command: command, hasPin: interruptPin != nil)
    vendorCapabilityOffsets = vendorCapabilities.map {
      Self.add($0, id: CapabilityID.vendor, to: &state)
    }
    msixControlOffset = msix.map { msix in
      Self.add(Self.msixCapability(msix.table, bar: msix.bar), id: CapabilityID.msix, to: &state) + 2
    }
    if let msixControlOffset {
      state.writable[msixControlOffset + 1] = UInt8((MSIXControl.enable | MSIXControl.functionMask) >> 8)
    }
    self.msix = msix?.table
    self.msixBAR = msix?.bar
    self.interruptPin = interruptPin
    self.state = Mutex(state)
  }

  /// Makes a configuration space with `bars`, and with capabilities at the offsets that another device has given them.
  ///
  /// - Precondition: the BARs' indices differ, and the capabilities fit, do not overlap and lie above the header.
  init(
    identity: PCIIdentity, bars: [PCIBaseAddress], capabilities: [PCIPlacedCapability],
    interruptPin: PCIInterruptPin?
  ) {
    let command = bars.reduce(Command.busMaster | Command.interruptDisable) { $0 | $1.commandBit }
    var state = Self.header(identity, bars, command: command, hasPin: interruptPin != nil)
    var link = Register.capabilitiesPointer
    for capability in capabilities {
      precondition(capability.offset >= 0x40 && capability.offset + capability.bytes.count <= 256)
      state.bytes.replaceSubrange(
        capability.offset..<capability.offset + capability.bytes.count, with: capability.bytes)
      for (index, mask) in capability.writable { state.writable[capability.offset + index] = mask }
      state.bytes[link] = UInt8(capability.offset)
      link = capability.offset + 1
      state.bytes[link] = 0
      state.bytes[Register.status] |= UInt8(Status.capabilities)
    }
    self.bars = bars.sorted { $0.index < $1.index }
    vendorCapabilityOffsets = []
    msixControlOffset = nil
    msix = nil
    msixBAR = nil
    self.interruptPin = interruptPin
    self.state = Mutex(state)
  }

  /// The address that BAR `index` decodes now; nil while it decodes none.
  public func decodedAddress(ofBAR index: Int) -> UInt64? {
    guard let bar = bars.first(where: { $0.index == index }) else { return nil }
    return state.withLock { state in
      guard Self.get16(state.bytes, Register.command) & bar.commandBit != 0 else { return nil }
      return bar.address(in: Self.get32(state.bytes, bar.register))
    }
  }

  /// Sets the address of BAR `index`, as firmware does.
  public func assign(bar index: Int, address: UInt32) {
    guard let bar = bars.first(where: { $0.index == index }) else { return }
    state.withLock { Self.put(&$0.bytes, bar.register, address | bar.typeBits) }
  }

  /// Wires the interrupt pin to `line`, and sets the interrupt line register as firmware does.
  func wire(to line: any InterruptLine, gsi: UInt32) {
    guard let interruptPin else { return }
    state.withLock { $0.bytes[Register.interruptLine] = UInt8(truncatingIfNeeded: gsi) }
    interruptPin.connect(to: line)
  }

  /// Reads 1 to 4 bytes; bytes past the end read as all ones.
  public func read(_ offset: Int, byteCount: Int) -> UInt32 {
    guard offset >= 0, (1...4).contains(byteCount), offset <= 256 - byteCount else { return .max }
    let isPending = interruptPin?.isPending ?? false
    return state.withLock { state in
      (0..<byteCount).reduce(0) { value, index in
        var byte = state.bytes[offset + index]
        if isPending, offset + index == Register.status { byte |= UInt8(Status.interrupt) }
        return value | UInt32(byte) << UInt32(index * 8)
      }
    }
  }

  /// Writes 1 to 4 bytes; read-only bits keep their value. The PCI host makes one write at a time.
  public func write(_ offset: Int, byteCount: Int, value: UInt32) {
    guard offset >= 0, (1...4).contains(byteCount), offset <= 256 - byteCount else { return }
    let (command, control) = state.withLock { state in
      for index in 0..<byteCount {
        let mask = state.writable[offset + index]
        let new = UInt8(truncatingIfNeeded: value >> UInt32(index * 8))
        state.bytes[offset + index] = state.bytes[offset + index] & ~mask | new & mask
      }
      return (
        Self.get16(state.bytes, Register.command), msixControlOffset.map { Self.get16(state.bytes, $0) }
      )
    }
    let usesMessages = (control ?? 0) & MSIXControl.enable != 0
    msix?.setControl(enabled: usesMessages, masked: (control ?? 0) & MSIXControl.functionMask != 0)
    interruptPin?.setMask(
      isLineDisabled: command & Command.interruptDisable != 0, usesMessages: usesMessages)
  }

  /// The registers that every function has, and the BARs.
  ///
  /// - Parameter command: the bits of the command register that a guest can change.
  private static func header(
    _ identity: PCIIdentity, _ bars: [PCIBaseAddress], command: UInt16, hasPin: Bool
  ) -> State {
    var state = State()
    put(&state.bytes, 0x00, UInt32(identity.device) << 16 | UInt32(identity.vendor))
    put(&state.bytes, 0x08, identity.classCode << 8 | UInt32(identity.revision))
    put(&state.bytes, 0x2C, UInt32(identity.subsystem) << 16 | UInt32(identity.subsystemVendor))
    state.writable[0x0C] = 0xFF  // cache line size
    state.writable[Register.interruptLine] = 0xFF
    if hasPin { state.bytes[Register.interruptPin] = 1 }
    for bar in bars {
      put(&state.bytes, bar.register, bar.typeBits)
      put(&state.writable, bar.register, bar.writableBits)
    }
    state.writable[Register.command] = UInt8(truncatingIfNeeded: command)
    state.writable[Register.command + 1] = UInt8(truncatingIfNeeded: command >> 8)
    return state
  }

  /// §6.8.2: the number of vectors, and the places of the table and the pending bits.
  private static func msixCapability(_ table: MSIXTable, bar: Int) -> PCICapability {
    var body = [UInt8](repeating: 0, count: 10)
    body[0] = UInt8(truncatingIfNeeded: table.vectorCount - 1)
    body[1] = UInt8(truncatingIfNeeded: (table.vectorCount - 1) >> 8)
    put(&body, 2, UInt32(bar))
    put(&body, 6, UInt32(MSIXTable.pendingOffset) | UInt32(bar))
    return PCICapability(body: body)
  }

  /// Appends a capability to the list, and returns its offset.
  private static func add(_ capability: PCICapability, id: UInt8, to state: inout State) -> Int {
    let offset = state.nextCapability
    let body = offset + 2..<offset + 2 + capability.body.count
    precondition(body.upperBound <= 256)
    state.bytes[offset] = id
    state.bytes.replaceSubrange(body, with: capability.body)
    for index in capability.writable { state.writable[offset + 2 + index] = 0xFF }
    state.bytes[state.lastCapability.map { $0 + 1 } ?? Register.capabilitiesPointer] = UInt8(offset)
    state.bytes[Register.status] |= UInt8(Status.capabilities)
    state.lastCapability = offset
    state.nextCapability = (body.upperBound + 3) & ~3
    return offset
  }

  private static func put(_ bytes: inout [UInt8], _ offset: Int, _ value: UInt32) {
    for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(index * 8)) }
  }

  private static func get16(_ bytes: [UInt8], _ offset: Int) -> UInt16 {
    UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
  }

  private static func get32(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    UInt32(get16(bytes, offset)) | UInt32(get16(bytes, offset + 2)) << 16
  }
}

/// A capability of a function, without its ID and link (PCI Local Bus 3.0 §6.7).
public struct PCICapability: Sendable {
  /// The bytes of the capability from the third one on.
  public var body: [UInt8]
  /// Offsets into `body` of bytes that the guest may write.
  public var writable: Range<Int>

  /// Makes a capability, which is read-only except for the bytes `writable`.
  ///
  /// - Precondition: `writable` lies within `body`.
  public init(body: [UInt8], writable: Range<Int> = 0..<0) {
    precondition(writable.isEmpty || writable.upperBound <= body.count)
    self.body = body
    self.writable = writable
  }
}

/// A capability at a fixed offset.
struct PCIPlacedCapability: Equatable {
  /// Its offset in configuration space, from 40h on.
  var offset: Int
  /// All of its bytes; the second one, the link to the next capability, does not matter.
  var bytes: [UInt8]
  /// The bits that the guest may change, by the byte's index.
  var writable: [Int: UInt8] = [:]
}
