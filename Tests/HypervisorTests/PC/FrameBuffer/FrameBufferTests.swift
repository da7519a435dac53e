import Synchronization
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// What the boot protocol says about the frame buffer, and which rows change; without KVM.
@Suite struct FrameBufferTests {
  /// A log that the test fills.
  private final class Log: PageChangeLog {
    private let state = Mutex<(memory: HostBuffer?, words: [UInt64])>((nil, []))
    private let address = Mutex<UInt64>(0)

    var mappedAddress: UInt64 { address.withLock { $0 } }

    func addLoggedMemory(_ memory: HostBuffer, at address: UInt64) throws(Errno) -> UInt32 {
      state.withLock { $0.memory = memory }
      self.address.withLock { $0 = address }
      return 2
    }

    func takeChangedPages(ofSlot slot: UInt32, pageCount: Int) throws(Errno) -> [UInt64] {
      state.withLock { state in
        defer { state.words = [] }
        return state.words
      }
    }

    func change(_ pages: [Int], to byte: UInt8) {
      state.withLock { state in
        state.words = [UInt64](repeating: 0, count: 16)
        for page in pages {
          state.words[page / 64] |= 1 << UInt64(page % 64)
          state.memory?.store([UInt8](repeating: byte, count: 4096), at: page * 4096)
        }
      }
    }
  }

  @Test(
    arguments: [
      ([], []), ([0], [0..<2]), ([0, 1], [0..<4]), ([1, 4], [1..<4, 6..<8]), ([1, 3], [1..<7]),
      ([63, 64], [100..<104]),
      ([124], [198..<200]), ([125, 127], []), (Array(0..<128), [0..<200]),
    ] as [([Int], [Range<Int>])])
  func `the rows of changed pages are copied, and no others`(pages: [Int], rows: [Range<Int>]) throws {
    let log = Log()
    // 2,560 bytes a row, 512,000 in all, in pages 0 to 124.
    let mode = try #require(VideoMode(width: 640, height: 200))
    let frameBuffer = try FrameBuffer(mode, log: log)
    #expect(log.mappedAddress == 0xC010_0000)
    let picture = HostBuffer(byteCount: mode.byteCount)
    log.change(pages, to: 0x5A)
    let changed = try frameBuffer.copyChanges(to: picture.vector(picture.all))
    #expect(changed == rows)
    for page in 0..<125 {
      let expected: UInt8 = pages.contains(page) ? 0x5A : 0
      #expect(picture.bytes(page * 4096..<page * 4096 + 1) == [expected])
    }
    #expect(try frameBuffer.copyChanges(to: picture.vector(picture.all)) == [])
  }

  @Test func `a mode fits into the addresses for it`() {
    #expect(VideoMode(width: 1920, height: 1080)?.byteCount == 8_294_400)
    #expect(VideoMode(width: 2560, height: 1440) != nil)
    #expect(VideoMode(width: 2560, height: 1600) == nil)
    #expect(VideoMode(width: 4096, height: 4096) == nil)
    #expect(VideoMode(width: 63, height: 200) == nil)
    #expect(VideoMode(width: .max, height: .max) == nil)
    #expect(VideoMode(width: -1, height: 600) == nil)
    #expect(VideoMode(number: 0x318) == .standard)
    #expect(VideoMode(number: 0x311) == nil)
    #expect(BootLayout.frameBuffer + BootLayout.frameBufferByteLimit == PCIHost.barWindowStart)
  }

  @Test func `the screen of a kernel is VESA's linear frame buffer`() throws {
    let mode = try #require(VideoMode(width: 800, height: 600))
    let memory = try GuestMemory(byteCount: 64 << 20)
    let file = BootImageFile(BootImageBytes.bzImage().bytes)
    let boot = try LinuxBoot(
      KernelImage(path: file.path), initrd: nil, commandLine: "", memory: memory, vcpuCount: 1,
      videoMode: mode)
    // struct screen_info: kind, width, height, depth, base, size in 64 KiB, bytes of a row, colours, capabilities.
    let bytes = try memory.read(64, at: BootLayout.zeroPage)
    #expect(bytes[0x0F] == 0x23)
    #expect(Array(bytes[0x12..<0x18]) == [0x20, 3, 0x58, 2, 32, 0])
    #expect(Array(bytes[0x18..<0x20]) == [0, 0, 0x10, 0xC0, 30, 0, 0, 0])
    #expect(Array(bytes[0x24..<0x2E]) == [0x80, 0x0C, 8, 16, 8, 8, 8, 0, 8, 24])
    #expect(Array(bytes[0x36..<0x3A]) == [2, 0, 0, 0])
    #expect(bytes[0..<0x0F].allSatisfy { $0 == 0 })
    let reserved = boot.memoryMap.entries.first { $0.start == BootLayout.frameBuffer }
    #expect(reserved?.kind == .reserved)
    #expect(reserved?.byteCount == 30 << 16)
    // The mouse is in the ACPI tables: PNP0F13 as EISA ID.
    let tables = try memory.read(0x1000, at: BootLayout.acpiTables)
    let mouse: [UInt8] = [0x41, 0xD0, 0x0F, 0x13]
    #expect((0..<tables.count - 4).contains { Array(tables[$0..<$0 + 4]) == mouse })
  }

  @Test func `a kernel that is entered through PVH is refused a frame buffer`() throws {
    let memory = try GuestMemory(byteCount: 64 << 20)
    let file = BootImageFile(BootImageBytes.elf(pvhEntry: 0x100_0000).bytes)
    #expect(throws: BootError.noFrameBuffer(file.path)) {
      try LinuxBoot(
        KernelImage(path: file.path), initrd: nil, commandLine: "", memory: memory, vcpuCount: 1,
        videoMode: .standard)
    }
  }
}
