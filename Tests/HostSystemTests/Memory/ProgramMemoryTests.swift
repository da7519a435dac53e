import Glibc
import HostSystem
import Testing

@Suite struct ProgramMemoryTests {
  @Test func `code that has run is given back, and runs again`() async {
    await #expect(processExitsWith: .success) {
      let before = try ProgramMemory.residentByteCount()
      ProgramMemory.releaseStartUp()
      let after = try ProgramMemory.residentByteCount()
      // A test bundle has used more than a megabyte of code by now.
      exit(after + (1 << 20) < before ? 0 : 1)
    }
  }

  @Test func `the resident memory is at least what was just written to`() throws {
    let byteCount = 8 << 20
    let before = try ProgramMemory.residentByteCount()
    let bytes = [UInt8](repeating: 1, count: byteCount)
    let after = try ProgramMemory.residentByteCount()
    #expect(after > before / 2)
    #expect(after >= UInt64(byteCount))
    #expect(bytes.count == byteCount)
  }
}
