import Testing
import VextProtocol

@Suite struct GuestAddressTests {
  @Test func `an address goes on up to 2^64 - 1 and no further`() {
    #expect(GuestAddress(0x1000).advanced(by: 0x234) == GuestAddress(0x1234))
    #expect(GuestAddress(.max).advanced(by: 0) == GuestAddress(.max))
    #expect(GuestAddress(.max - 1).advanced(by: 1) == GuestAddress(.max))
    #expect(GuestAddress(.max).advanced(by: 1) == nil)
    #expect(GuestAddress(1).advanced(by: .max) == nil)
  }

  @Test func `an address knows its alignment`() {
    #expect(GuestAddress(0).isAligned(to: 4096))
    #expect(GuestAddress(0x1040).isAligned(to: 64))
    #expect(!GuestAddress(0x1020).isAligned(to: 64))
    #expect(!GuestAddress(.max).isAligned(to: 2))
    #expect(GuestAddress(.max).isAligned(to: 1))
  }

  @Test func `addresses are ordered as numbers without a sign`() {
    #expect(GuestAddress(0) < GuestAddress(1))
    #expect(GuestAddress(0x7FFF_FFFF_FFFF_FFFF) < GuestAddress(0x8000_0000_0000_0000))
    #expect(!(GuestAddress(5) < GuestAddress(5)))
  }
}
