import Hypervisor
import Testing

/// The table that KVM_SET_GSI_ROUTING gets: it replaces everything, the pins included.
@Suite struct InterruptRoutesTests {
  /// GSI, type (1: a chip's pin, 2: a message) and the first two words behind flags and padding.
  private struct Entry: Hashable {
    let gsi: UInt64
    let type: UInt64
    let first: UInt64
    let second: UInt64
  }

  /// Takes the words apart: a count, then entries of 48 bytes: gsi, type, flags, padding, union.
  private static func decode(_ words: [UInt64]) -> [Entry] {
    stride(from: 1, to: words.count, by: 6).map { start in
      Entry(
        gsi: words[start] & 0xFFFF_FFFF, type: words[start] >> 32, first: words[start + 2] & 0xFFFF_FFFF,
        second: words[start + 2] >> 32)
    }
  }

  @Test func `every pin of the PICs and the I/O APIC is there, beside the messages`() throws {
    var routes = InterruptRoutes()
    let reserved = routes.reserve()
    let gsi = try #require(reserved)
    _ = routes.set(InterruptMessage(address: 0xFEE0_1000, data: 0x41), gsi: gsi)
    let words = routes.encoded()
    let entries = Self.decode(words)
    #expect(words[0] == UInt64(entries.count))
    let master = (0..<8 as Range<UInt64>).map { Entry(gsi: $0, type: 1, first: 0, second: $0) }
    let slave = (8..<16 as Range<UInt64>).map { Entry(gsi: $0, type: 1, first: 1, second: $0 - 8) }
    let ioapic = (0..<24 as Range<UInt64>).map { Entry(gsi: $0, type: 1, first: 2, second: $0) }
    let message = Entry(gsi: 24, type: 2, first: 0xFEE0_1000, second: 0)
    #expect(Set(entries) == Set(master + slave + ioapic + [message]))
    #expect(entries.count == 41)
  }

  @Test func `as many messages are given out as the table has room for beside the pins`() {
    var routes = InterruptRoutes()
    var count: UInt32 = 0
    while let gsi = routes.reserve(), count < 5000 {
      _ = routes.set(InterruptMessage(address: 0xFEE0_0000, data: gsi), gsi: gsi)
      count += 1
    }
    #expect(count == InterruptRoutes.messageLimit)
    // More than 64 devices with 32 vectors each.
    #expect(count > 64 * 32)
    #expect(routes.encoded()[0] == 4096)
    routes.release(100)
    let again = routes.reserve()
    #expect(again == 100)
  }

  @Test func `a message that is set again and one of a GSI that nobody holds change nothing`() throws {
    var routes = InterruptRoutes()
    let reserved = routes.reserve()
    let gsi = try #require(reserved)
    let message = InterruptMessage(address: 0xFEE0_0000, data: 1)
    let changed = [
      routes.set(message, gsi: gsi), routes.set(message, gsi: gsi), routes.set(message, gsi: gsi + 1),
    ]
    #expect(changed == [true, false, false])
  }
}
