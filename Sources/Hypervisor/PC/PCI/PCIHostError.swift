/// The reason why a function could not be plugged in.
public enum PCIHostError: Error, Equatable, CustomStringConvertible, Sendable {
  /// All slots behind the host bridge are taken.
  case noSlot(limit: Int)
  /// The window for memory BARs is used up.
  case noMemoryRange
  /// The window for port BARs is used up.
  case noPortRange

  /// The error message: one line.
  public var description: String {
    switch self {
    case .noSlot(let limit): "more devices than PCI slots: there are \(limit)"
    case .noMemoryRange: "the devices' registers need more memory addresses than there are for PCI"
    case .noPortRange: "the devices' registers need more ports than there are for PCI"
    }
  }
}
