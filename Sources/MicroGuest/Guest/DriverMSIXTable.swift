import CGuest

/// A function's message-signalled interrupts (PCI Local Bus Specification 3.0 §6.8.2).
struct DriverMSIXTable {
  private let function: DriverPCIFunction
  private let capability: UInt32
  private let table: UInt64
  private let count: UInt32

  private static let identifier: UInt32 = 0x11
  private static let enableBit: UInt32 = 1 << 31
  private static let functionMaskBit: UInt32 = 1 << 30
  private static let entryByteCount: UInt64 = 16

  init(_ function: DriverPCIFunction) throws(GuestFailure) {
    guard let capability = function.capability(Self.identifier) else {
      throw GuestFailure(reason: .deviceMissing)
    }
    self.function = function
    self.capability = capability
    count = (function[capability] >> 16 & 0x7FF) + 1
    let location = function[capability + 4]
    table = try function.baseAddress(location & 0b111) + UInt64(location & ~0b111)
  }

  /// Sends interrupt `index` as `vector` to the processor with this local APIC id (edge-triggered, fixed delivery).
  func route(_ index: UInt16, toProcessor processor: UInt16, vector: UInt8) throws(GuestFailure) {
    guard UInt32(index) < count else { throw GuestFailure(reason: .deviceMissing) }
    let entry = table + UInt64(index) * Self.entryByteCount
    guest_store32(entry, 0xFEE0_0000 | UInt32(processor) << 12)
    guest_store32(entry + 4, 0)
    guest_store32(entry + 8, UInt32(vector))
    guest_store32(entry + 12, 0)
  }

  /// Switches the function from pin to message-signalled interrupts.
  func enable() {
    function[capability] = function[capability] & ~Self.functionMaskBit | Self.enableBit
  }
}
