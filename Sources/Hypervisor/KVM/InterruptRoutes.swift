import CKVM

/// The GSI routing table of one machine: the interrupt chips' pins, and a message for each MSI-X vector.
struct InterruptRoutes {
  /// The first GSI behind the I/O APIC's pins.
  private static let firstMessageGSI: UInt32 = 24
  private static let limit: UInt32 = 4096

  private var messages: [UInt32: InterruptMessage?] = [:]

  /// A GSI that is free, or nil where all are taken.
  mutating func reserve() -> UInt32? {
    guard let gsi = (Self.firstMessageGSI..<Self.limit).first(where: { messages[$0] == nil }) else {
      return nil
    }
    messages[gsi] = .some(nil)
    return gsi
  }

  mutating func release(_ gsi: UInt32) { messages[gsi] = nil }

  /// Sets a reserved GSI's message; false where it has it already.
  mutating func set(_ message: InterruptMessage, gsi: UInt32) -> Bool {
    guard let current = messages[gsi], current != message else { return false }
    messages[gsi] = .some(message)
    return true
  }

  /// struct kvm_irq_routing: a header of 8 bytes, then entries of 48 bytes, as 64-bit words.
  func encoded() -> [UInt64] {
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
