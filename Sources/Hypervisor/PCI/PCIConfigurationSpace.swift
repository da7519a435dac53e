import Synchronization

/// The 256 bytes of a function's configuration space, type 0 (PCI Local Bus 3.0 §6.1): which bits a guest may
/// write, the memory BARs, and the capability list. Any thread.
public final class PCIConfigurationSpace: Sendable {
  /// Byte offsets of registers.
  public enum Register {
    /// 16 bits: see ``Command``.
    public static let command = 0x04
    /// 16 bits: bit 4 says that there is a capability list.
    public static let status = 0x06
    /// 32 bits each, six of them.
    public static let firstBAR = 0x10
    /// 8 bits: offset of the first capability.
    public static let capabilitiesPointer = 0x34
  }

  /// Bits of the command register.
  public enum Command {
    /// The function answers to its memory BARs.
    public static let memorySpace: UInt16 = 1 << 1
    /// The function may write to memory, its interrupts' messages included.
    public static let busMaster: UInt16 = 1 << 2
    /// Line interrupts are off.
    public static let interruptDisable: UInt16 = 1 << 10
  }

  /// A 32-bit, non-prefetchable memory BAR.
  public struct BAR: Sendable, Equatable {
    /// Which of the six.
    public let index: Int
    /// Its size in bytes, a power of two from 16.
    public let byteCount: UInt32
  }

  private struct State {
    var bytes = [UInt8](repeating: 0, count: 256)
    var writable = [UInt8](repeating: 0, count: 256)
    var nextCapability = 0x40
    var lastCapability: Int?
    var bars: [BAR] = []
  }

  private let state: Mutex<State>
  /// The function's MSI-X table, if it has one.
  public let msix: MSIXTable?
  /// The BAR that holds `msix`: its table at offset 0, its pending bits at ``MSIXTable/pendingOffset``.
  public let msixBAR: Int?
  private let msixControlOffset: Int?

  /// A configuration space with memory BARs of `bars` (index to size in bytes, powers of two), the vendor-specific
  /// `capabilities` (each from its third byte on: ID and next pointer are added here, ID 09h), and MSI-X in BAR
  /// `msixBAR`, whose size is added here.
  ///
  /// - Precondition: the BARs and capabilities fit; they come from device code, never from a guest.
  public init(
    identity: PCIIdentity, bars: [Int: UInt32], vendorCapabilities: [[UInt8]] = [],
    msix: (bar: Int, table: MSIXTable)? = nil
  ) {
    var state = State()
    Self.put(&state.bytes, 0x00, UInt32(identity.device) << 16 | UInt32(identity.vendor))
    Self.put(&state.bytes, 0x08, identity.classCode << 8 | UInt32(identity.revision))
    Self.put(&state.bytes, 0x2C, UInt32(identity.subsystem) << 16 | UInt32(identity.subsystemVendor))
    let command = Command.memorySpace | Command.busMaster | Command.interruptDisable
    state.writable[Register.command] = UInt8(truncatingIfNeeded: command)
    state.writable[Register.command + 1] = UInt8(truncatingIfNeeded: command >> 8)
    state.writable[0x0C] = 0xFF  // cache line size
    state.writable[0x3C] = 0xFF  // interrupt line
    for (index, byteCount) in bars { Self.addBAR(&state, index, byteCount) }
    for body in vendorCapabilities { _ = Self.addCapability(&state, id: 0x09, body: body) }
    if let msix {
      Self.addBAR(&state, msix.bar, MSIXTable.barByteCount)
      var body = [UInt8](repeating: 0, count: 10)
      body[0] = UInt8(truncatingIfNeeded: msix.table.vectorCount - 1)
      body[1] = UInt8(truncatingIfNeeded: (msix.table.vectorCount - 1) >> 8)
      Self.put(&body, 2, UInt32(msix.bar))
      Self.put(&body, 6, UInt32(MSIXTable.pendingOffset) | UInt32(msix.bar))
      let offset = Self.addCapability(&state, id: 0x11, body: body)
      state.writable[offset + 3] = 0xC0  // enable, function mask
      msixControlOffset = offset + 2
    } else {
      msixControlOffset = nil
    }
    self.msix = msix?.table
    self.msixBAR = msix?.bar
    self.state = Mutex(state)
  }

  /// The memory BARs, by index.
  public var bars: [BAR] { state.withLock { $0.bars } }

  /// Where BAR `index` answers now, or nil while the function does not decode memory.
  public func decodedAddress(ofBAR index: Int) -> UInt64? {
    state.withLock { state in
      guard Self.get16(state.bytes, Register.command) & Command.memorySpace != 0 else { return nil }
      return UInt64(Self.get32(state.bytes, Register.firstBAR + index * 4) & ~0xF)
    }
  }

  /// Gives BAR `index` an address, as firmware would.
  public func assign(bar index: Int, address: UInt32) {
    state.withLock { Self.put(&$0.bytes, Register.firstBAR + index * 4, address) }
  }

  /// Reads 1, 2 or 4 bytes; past the end, all ones.
  public func read(_ offset: Int, byteCount: Int) -> UInt32 {
    guard offset >= 0, (1...4).contains(byteCount), offset + byteCount <= 256 else { return .max }
    return state.withLock { state in
      (0..<byteCount).reduce(0) { $0 | UInt32(state.bytes[offset + $1]) << UInt32($1 * 8) }
    }
  }

  /// Writes 1, 2 or 4 bytes; bits that are not writable keep their value.
  public func write(_ offset: Int, byteCount: Int, value: UInt32) {
    guard offset >= 0, (1...4).contains(byteCount), offset + byteCount <= 256 else { return }
    let control: UInt16? = state.withLock { state in
      for index in 0..<byteCount {
        let mask = state.writable[offset + index]
        let new = UInt8(truncatingIfNeeded: value >> UInt32(index * 8))
        state.bytes[offset + index] = state.bytes[offset + index] & ~mask | new & mask
      }
      return msixControlOffset.map { Self.get16(state.bytes, $0) }
    }
    if let control, let msix {
      msix.setControl(enabled: control & 1 << 15 != 0, masked: control & 1 << 14 != 0)
    }
  }

  private static func addBAR(_ state: inout State, _ index: Int, _ byteCount: UInt32) {
    precondition((0..<6).contains(index) && byteCount >= 16 && byteCount.nonzeroBitCount == 1)
    state.bars.append(BAR(index: index, byteCount: byteCount))
    state.bars.sort { $0.index < $1.index }
    put(&state.writable, Register.firstBAR + index * 4, ~(byteCount - 1))
  }

  private static func addCapability(_ state: inout State, id: UInt8, body: [UInt8]) -> Int {
    let offset = state.nextCapability
    precondition(offset + 2 + body.count <= 256)
    state.bytes[offset] = id
    state.bytes.replaceSubrange(offset + 2..<offset + 2 + body.count, with: body)
    state.bytes[state.lastCapability.map { $0 + 1 } ?? Register.capabilitiesPointer] = UInt8(offset)
    state.bytes[Register.status] |= 1 << 4
    state.lastCapability = offset
    state.nextCapability = (offset + 2 + body.count + 3) & ~3
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
