import HostSystem
import Testing

@Suite struct CPUSetTests {
  @Test(
    "the kernel's list format is read",
    arguments: [
      ("0", [0]), ("0-3,8", [0, 1, 2, 3, 8]), ("8,0-1", [0, 1, 8]), ("3,3,2-3", [2, 3]), (" 1-2\n", [1, 2]),
      ("", []), ("\n", []), ("8191", [8191]),
    ])
  func listFormat(text: String, cpus: [Int]) {
    #expect(CPUSet(parsing: text)?.sorted == cpus)
  }

  @Test(
    "text that is not a list of CPUs is refused",
    arguments: [
      ",", "0,", ",1", "-", "-1", "1-", "3-1", "1-2-3", "a", "0x1", "+1", "1 2", "8192", "0-99999999999",
      "99999999999999999999", "١", "1;2",
    ])
  func garbage(text: String) {
    #expect(CPUSet(parsing: text) == nil)
  }

  @Test(
    "the text of a set is the shortest list that reads back as the set",
    arguments: [
      ([], ""), ([5], "5"), ([1, 0], "0-1"), ([8, 0, 2, 1, 3, 8], "0-3,8"), ([0, 2, 4], "0,2,4"),
    ])
  func text(cpus: [Int], text: String) {
    #expect(CPUSet(cpus).description == text)
    #expect(CPUSet(parsing: text) == CPUSet(cpus))
  }

  @Test("sets are united, subtracted and intersected")
  func algebra() {
    let low = CPUSet(0...3)
    let high = CPUSet(2...5)
    #expect(low.union(high) == CPUSet(0...5))
    #expect(low.subtracting(high) == CPUSet([0, 1]))
    #expect(low.intersection(high) == CPUSet([2, 3]))
    #expect(low.subtracting(low).isEmpty)
    #expect(low.contains(3))
    #expect(!low.contains(4))
  }
}
