/// The actions of `debug`, which a machine performs in this order: sysrq, NMI, dump.
///
/// On the wire: flags (dump 1, NMI 2, sysrq 4) and the NMI's vCPU, 32 bits each, the sysrq key, and three bytes of zero.
public struct ControlDebug: Equatable, Sendable {
  /// Whether to dump every vCPU.
  public var dumps: Bool
  /// The vCPU that gets an NMI; nil for no NMI.
  public var nmiVCPU: UInt32?
  /// The "system request" key for the serial console; nil for none.
  public var sysrqKey: UInt8?

  /// Makes a set of actions.
  public init(dumps: Bool = false, nmiVCPU: UInt32? = nil, sysrqKey: UInt8? = nil) {
    self.dumps = dumps
    self.nmiVCPU = nmiVCPU
    self.sysrqKey = sysrqKey
  }

  private enum Flag {
    static let dump: UInt32 = 1 << 0
    static let nmi: UInt32 = 1 << 1
    static let sysrq: UInt32 = 1 << 2
  }

  private static let byteCount = 12

  var encoded: [UInt8] {
    let flags =
      (dumps ? Flag.dump : 0) | (nmiVCPU != nil ? Flag.nmi : 0) | (sysrqKey != nil ? Flag.sysrq : 0)
    return WireNumber.bytes(flags) + WireNumber.bytes(nmiVCPU ?? 0) + [sysrqKey ?? 0, 0, 0, 0]
  }

  /// Decodes a payload; nil if its length is wrong or it has an unknown action.
  init?(encoded bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    let flags = WireNumber.number(bytes[...])
    guard flags & ~(Flag.dump | Flag.nmi | Flag.sysrq) == 0 else { return nil }
    self.init(
      dumps: flags & Flag.dump != 0, nmiVCPU: flags & Flag.nmi != 0 ? WireNumber.number(bytes[4...]) : nil,
      sysrqKey: flags & Flag.sysrq != 0 ? bytes[8] : nil)
  }
}
