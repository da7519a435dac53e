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
  package func encoded() -> [UInt64] { table.encoded }

  /// The table in KVM's form.
  var table: KVMTable {
    var entries: [Entry] = []
    for pin in 0..<Self.firstMessageGSI {
      if pin < 16 { entries.append(.chip(pin < 8 ? 0 : 1, gsi: pin, pin: pin % 8)) }
      entries.append(.chip(2, gsi: pin, pin: pin))
    }
    for (gsi, message) in messages {
      if let message { entries.append(.message(message, gsi: gsi)) }
    }
    var table = KVMTable(
      wordsPerEntry: MemoryLayout<kvm_irq_routing_entry>.stride / 8, count: entries.count)
    for (index, entry) in entries.enumerated() {
      table[index, 0] = UInt64(entry.gsi) | UInt64(entry.type) << 32
      table[index, 2] = entry.target.0
      table[index, 3] = entry.target.1
    }
    return table
  }

  /// What a struct kvm_irq_routing_entry says; its flags are zero.
  private struct Entry {
    let gsi: UInt32
    let type: UInt32
    /// The first two words of the union.
    let target: (UInt64, UInt64)

    /// struct kvm_irq_routing_irqchip: the chip, then its pin.
    static func chip(_ chip: UInt32, gsi: UInt32, pin: UInt32) -> Entry {
      Entry(gsi: gsi, type: UInt32(KVM_IRQ_ROUTING_IRQCHIP), target: (UInt64(chip) | UInt64(pin) << 32, 0))
    }

    /// struct kvm_irq_routing_msi: the address, then the data.
    static func message(_ message: InterruptMessage, gsi: UInt32) -> Entry {
      Entry(gsi: gsi, type: UInt32(KVM_IRQ_ROUTING_MSI), target: (message.address, UInt64(message.data)))
    }
  }
}
