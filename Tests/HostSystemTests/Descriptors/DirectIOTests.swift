import CLinux
import Glibc
import HostSystem
import Testing

struct DirectIOTests {
  @Test(
    "the unit of O_DIRECT is the larger of both alignments, and a sector at least",
    arguments: [
      (4, 512, 512), (512, 512, 512), (512, 4096, 4096), (4096, 512, 4096), (4, 16384, 16384), (1, 1, 512),
      (0, 0, nil), (0, 512, nil), (4, 0, nil), (4, 1536, nil),
    ] as [(UInt32, UInt32, UInt32?)])
  func unit(memory: UInt32, offset: UInt32, expected: UInt32?) {
    #expect(DirectIO.Alignment(memory: memory, offset: offset).unit == expected)
  }

  @Test("blocks of the size that the kernel names can be written and read")
  func alignment() throws {
    let file = try TemporaryFile(byteCount: 64 << 10, flags: LINUX_O_DIRECT)
    let direct = file.descriptor.rawValue
    // A file system that does not say is what the probe of DiskImage is for.
    guard let alignment = try DirectIO.alignment(of: direct) else { return }
    let unit = Int(try #require(alignment.unit))
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: 2 * unit, alignment: unit)
    defer { unsafe buffer.deallocate() }
    // Holes are read without the device, whatever the alignment.
    unsafe memset(buffer, 0x5A, 2 * unit)
    #expect(unsafe pwrite(direct, buffer, 2 * unit, 0) == 2 * unit)
    unsafe memset(buffer, 0, unit)
    #expect(unsafe pread(direct, buffer, unit, off_t(unit)) == unit)
    #expect(unsafe buffer.load(fromByteOffset: unit - 1, as: UInt8.self) == 0x5A)
  }

  @Test("a pipe, which no O_DIRECT of files is for, has no alignment to tell")
  func pipes() throws {
    var ends: [Int32] = [0, 0]
    try #require(unsafe pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    #expect(try DirectIO.alignment(of: ends[0])?.unit == nil)
  }

  @Test("O_DIRECT is tried in folders without leaving anything, and what does not exist is unknown")
  func acceptance() {
    #expect(DirectIO.isAccepted(at: "/no/such/file") == nil)
    #expect(DirectIO.isAccepted(at: "/proc/cpuinfo") == false)
  }
}
