import Glibc
import Testing
import VextProtocol

@testable import Hypervisor

/// Which files are firmware, and where the machine finds it.
@Suite struct FirmwareImageTests {
  /// A file in which no two pages are equal.
  private static func file(_ byteCount: Int) -> BootImageFile {
    BootImageFile((0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 12) })
  }

  private func refusal(_ file: BootImageFile) throws -> String {
    let error = try #require(#expect(throws: BootError.self) { try FirmwareImage(path: file.path) })
    #expect(error.description.hasPrefix("firmware \(file.path): "))
    return String(error.description.dropFirst("firmware \(file.path): ".count))
  }

  @Test func `a file that is empty, not of whole pages, or larger than 16 MiB is refused`() throws {
    #expect(try refusal(BootImageFile([])) == "the file is empty")
    #expect(try refusal(Self.file(4095)).hasPrefix("4095 bytes are not a multiple of 4096"))
    #expect(try refusal(Self.file(0x1_0001)).hasPrefix("65537 bytes are not a multiple of 4096"))
    let large = BootImageFile([0])
    #expect(unsafe truncate(large.path, 16 << 20 + 4096) == 0)
    #expect(try refusal(large) == "16781312 bytes, but a machine takes at most 16 MiB")
    #expect(unsafe truncate(large.path, 16 << 20) == 0)
    #expect(try FirmwareImage(path: large.path).address == GuestAddress(0xFF00_0000))
    #expect(throws: BootError.notARegularFile(.firmware("/dev/null"))) {
      try FirmwareImage(path: "/dev/null")
    }
  }

  @Test(
    arguments: [
      (4096, 0xFFFF_F000, 0xF_F000), (128 << 10, 0xFFFE_0000, 0xE_0000), (256 << 10, 0xFFFC_0000, 0xC_0000),
      (512 << 10, 0xFFF8_0000, 0xC_0000),
    ] as [(Int, UInt64, UInt64)])
  func `the image ends at 4 GiB, and its last part at 1 MiB`(
    byteCount: Int, address: UInt64, shadow: UInt64
  ) throws {
    let file = Self.file(byteCount)
    let image = try FirmwareImage(path: file.path)
    #expect(image.address == GuestAddress(address))
    #expect(image.byteCount == UInt64(byteCount))
    #expect(image.host.rawValue.isMultiple(of: 4096))
    let memory = try GuestMemory(byteCount: 4 << 20)
    _ = try FirmwareBoot(image, memory: memory, vcpuCount: 1, bootSlots: [])
    let copied = try memory.read(Int(0x10_0000 - shadow), at: GuestAddress(shadow))
    let source = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 12) }
    #expect(copied == Array(source.suffix(copied.count)))
    #expect(try memory.read(16, at: GuestAddress(shadow - 16)) == [UInt8](repeating: 0, count: 16))
    #expect(try memory.read(16, at: GuestAddress(0x10_0000)) == [UInt8](repeating: 0, count: 16))
  }

  @Test func `a machine with less than 2 MiB, or with a wrong number of vCPUs, is refused`() throws {
    let file = Self.file(4096)
    let image = try FirmwareImage(path: file.path)
    let small = try GuestMemory(byteCount: 1 << 20)
    #expect(throws: BootError.memoryTooSmall(byteCount: 1 << 20, minimum: 2 << 20)) {
      try FirmwareBoot(image, memory: small, vcpuCount: 1, bootSlots: [])
    }
    let memory = try GuestMemory(byteCount: 4 << 20)
    for count in [0, 255] {
      #expect(throws: BootError.badVCPUCount(count, limit: 254)) {
        try FirmwareBoot(image, memory: memory, vcpuCount: count, bootSlots: [])
      }
    }
  }
}
