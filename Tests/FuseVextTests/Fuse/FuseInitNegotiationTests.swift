import CFuse
import Testing

@testable import FuseVext

@Suite
struct FuseInitNegotiationTests {
  private func answer(to offered: KernelFlags, usesRings: Bool = false) -> (
    answer: fuse_init_out, agreed: KernelFlags
  ) {
    let negotiation = FuseInitNegotiation(usesRings: usesRings)
    var offer = fuse_init_in()
    offer.flags = UInt32(truncatingIfNeeded: offered.rawValue)
    offer.flags2 = UInt32(offered.rawValue >> 32)
    negotiation.receive(offer, number: 2)
    var answer = fuse_init_out()
    answer.flags = 1
    negotiation.amend(&answer)
    #expect(negotiation.pendingNumber == nil)
    return (answer, negotiation.flags)
  }

  @Test func `flags that the kernel offers are added to libfuse's answer`() {
    let result = answer(to: [.extended, .directIOAllowsMapping])
    #expect(result.answer.flags == 1 | 1 << 30)
    #expect(result.answer.flags2 == 1 << 4)
    #expect(result.agreed == .directIOAllowsMapping)
  }

  @Test func `a kernel that offers nothing gets libfuse's answer`() {
    for offered in [KernelFlags(), [.extended], [.directIOAllowsMapping]] {
      let result = answer(to: offered)
      #expect(result.answer.flags == 1)
      #expect(result.answer.flags2 == 0)
      #expect(result.agreed == [])
    }
  }

  @Test func `FUSE over io_uring is agreed on if threads wait with rings and the kernel offers it`() {
    let offer: KernelFlags = [.extended, .directIOAllowsMapping, .overIOURing]
    #expect(answer(to: offer, usesRings: true).answer.flags2 == 1 << 4 | 1 << 9)
    #expect(answer(to: offer, usesRings: true).agreed.contains(.overIOURing))
    #expect(!answer(to: offer).agreed.contains(.overIOURing))
    #expect(
      answer(to: [.extended, .directIOAllowsMapping], usesRings: true).agreed == .directIOAllowsMapping)
  }

  @Test func `structures that libfuse 3.14 lacks have the kernel's layout`() {
    #expect(MemoryLayout<cfuse_statx_out>.size == 288)
    #expect(MemoryLayout<cfuse_statx_out>.offset(of: \.mask) == 32)
    #expect(MemoryLayout<cfuse_statx_out>.offset(of: \.ino) == 64)
    #expect(MemoryLayout<cfuse_statx_out>.offset(of: \.btime) == 112)
    #expect(MemoryLayout<cfuse_statx_out>.offset(of: \.rdev_major) == 160)
  }
}
