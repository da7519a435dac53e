import HostSystem
import Testing

@Suite struct HostMemoryTests {
  @Test func `counters are found by their whole name, also behind the name of a node`() {
    let text = """
      MemTotal:       24395088 kB
      SwapTotal:             0 kB
      Node 0 MemFree:  12 kB
      """
    #expect(HostMemory.byteCount(of: "MemTotal", in: text) == 24_395_088 << 10)
    #expect(HostMemory.byteCount(of: "SwapTotal", in: text) == 0)
    #expect(HostMemory.byteCount(of: "MemFree", in: text) == 12 << 10)
    #expect(HostMemory.byteCount(of: "Total", in: text) == nil)
    #expect(HostMemory.byteCount(of: "MemAvailable", in: text) == nil)
  }

  @Test(arguments: [
    "MemTotal:", "MemTotal: many kB", "MemTotal: -1 kB", "MemTotal: 18446744073709551615 kB", "",
  ])
  func `a counter whose text is not a number of bytes is nil`(text: String) {
    #expect(HostMemory.byteCount(of: "MemTotal", in: text) == nil)
  }

  @Test func `this host has memory to give`() throws {
    #expect(try HostMemory.availableByteCount() > 1 << 20)
  }
}
