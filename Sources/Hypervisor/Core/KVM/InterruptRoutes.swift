import CKVM

/// The GSI routing table of one machine: the interrupt chips' pins, and a message for each MSI-X vector.
///
/// KVM replaces its whole table by this one. The pins are therefore in it as in KVM's initial table: GSI 0 to 15 lead to
/// the PIC and to the I/O APIC's pin of the same number, 16 to 23 to the I/O APIC.
package struct InterruptRoutes {
  /// The first GSI behind the I/O APIC's pins.
  package static let firstMessageGSI: UInt32 = 24
  /// Number of entries for pins: 24 of the I/O APIC and 16 of the two PICs.
  private static let pinCount: UInt32 = 40
  /// Maximum number of entries that KVM accepts (KVM_CAP_IRQ_ROUTING on x86).
  private static let entryLimit: UInt32 = 4096
  /// Maximum number of messages: several for each device, even with every PCI slot in use.
  package static let messageLimit = entryLimit - pinCount

  private var messages: [UInt32: InterruptMessage?] = [:]

  /// Makes a table with the pins only.
  package init() {}

  /// Reserves a free GSI; nil if all are taken.
  package mutating func reserve() -> UInt32? {
    let all = Self.firstMessageGSI..<Self.firstMessageGSI + Self.messageLimit
    guard let gsi = all.first(where: { messages[$0] == nil }) else { return nil }
    messages[gsi] = .some(nil)
    return gsi
  }

  package mutating func release(_ gsi: UInt32) { messages[gsi] = nil }

  /// Sets a reserved GSI's message.
  ///
  /// - Returns: false if the GSI has this message already.
  package mutating func set(_ message: InterruptMessage, gsi: UInt32) -> Bool {
    guard let current = messages[gsi], current != message else { return false }
    messages[gsi] = .some(message)
    return true
  }

  /// The table as a struct kvm_irq_routing in 64-bit words: a header of 8 bytes, then entries of 48 bytes.
  package func encoded() -> [UInt64] {
    var entries: [kvm_irq_routing_entry] = []
    for pin in 0..<Self.firstMessageGSI {
      if pin < 16 { entries.append(Self.chip(pin < 8 ? 0 : 1, gsi: pin, pin: pin % 8)) }
      entries.append(Self.chip(2, gsi: pin, pin: pin))
    }
    for (gsi, message) in messages {
      guard let message else { continue }
      var entry = kvm_irq_routing_entry()
      entry.gsi = gsi
      entry.type = UInt32(KVM_IRQ_ROUTING_MSI)
      unsafe entry.u.msi.address_lo = UInt32(truncatingIfNeeded: message.address)
      unsafe entry.u.msi.address_hi = UInt32(truncatingIfNeeded: message.address >> 32)
      unsafe entry.u.msi.data = message.data
      entries.append(entry)
    }
    var words = [UInt64](
      repeating: 0, count: 1 + entries.count * MemoryLayout<kvm_irq_routing_entry>.stride / 8)
    words[0] = UInt64(entries.count)
    unsafe words.withUnsafeMutableBytes { buffer in
      unsafe entries.withUnsafeBytes { source in
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[8...]).copyMemory(from: source)
      }
    }
    return words
  }

  private static func chip(_ chip: UInt32, gsi: UInt32, pin: UInt32) -> kvm_irq_routing_entry {
    var entry = kvm_irq_routing_entry()
    entry.gsi = gsi
    entry.type = UInt32(KVM_IRQ_ROUTING_IRQCHIP)
    unsafe entry.u.irqchip.irqchip = chip
    unsafe entry.u.irqchip.pin = pin
    return entry
  }
}
