import Glibc
import Hypervisor
import Testing
import VextProtocol

/// The engine whose disks are copies in memory.
@Suite struct MemoryEngineTests {
  /// A device on a copy of `disk`.
  private func fixture(
    _ thread: IOThread, _ disk: VirtioTemporaryDisk, readOnly: Bool = false
  ) throws -> (device: VextDevice, driver: FakeVextDriver, memory: GuestMemory) {
    let image = try DiskImage(path: disk.path, readOnly: readOnly, direct: true, inMemory: true)
    let memory = try GuestMemory(byteCount: VextFixture.memoryByteCount)
    let device = VextDevice(name: "memory", disk: image, queueCount: 1, memory: memory, servers: [thread])
    let driver = FakeVextDriver(device: device, memory: memory, queue: 0, depth: 16, ringBase: 0x1_0000)
    try driver.enable()
    return (device, driver, memory)
  }

  @Test
  func
    `a disk has the image's bytes, and keeps what is written, discarded and zeroed; the file does not change`()
    throws
  {
    let thread = try IOThread(name: "memory", cpus: nil, waiting: .polling, engine: .memory)
    defer { thread.stop() }
    let disk = VirtioTemporaryDisk(byteCount: VextFixture.diskByteCount)
    let before = disk.read(0, VextFixture.diskByteCount)
    let (device, driver, memory) = try fixture(thread, disk)
    defer { device.shutDown() }
    func read(_ offset: UInt64) throws -> [UInt8] {
      try memory.write([UInt8](repeating: 0x5A, count: 4096), at: GuestAddress(VextFixture.data))
      let answer = try driver.perform(VextFixture.entry(.read, id: 3, offset: offset, byteCount: 4096))
      #expect(answer.status == 0 && answer.byteCount == 4096)
      return try memory.read(4096, at: GuestAddress(VextFixture.data))
    }
    for offset in stride(from: 0, to: VextFixture.diskByteCount, by: 4096) {
      #expect(try read(UInt64(offset)) == VirtioTemporaryDisk.pattern(offset, 4096))
    }
    try memory.write([UInt8](repeating: 7, count: 8192), at: GuestAddress(VextFixture.data))
    var write = VextFixture.entry(.write, offset: 8192, byteCount: 512)
    write.segment1 = VextSegment(address: GuestAddress(VextFixture.data + 512), byteCount: 7680)
    #expect(try driver.perform(write).byteCount == 8192)
    #expect(
      try driver.perform(VextSubmissionEntry(operation: VextOperation.flush.rawValue, id: 2)).status == 0)
    for (operation, offset) in [(VextOperation.discard, 9216), (.writeZeroes, 12_288)]
      as [(VextOperation, UInt64)]
    {
      let range = VextSubmissionEntry(operation: operation.rawValue, id: 4, offset: offset, length: 1024)
      #expect(try driver.perform(range).byteCount == 1024)
    }
    let sevens = [UInt8](repeating: 7, count: 1024)
    let zeroes = [UInt8](repeating: 0, count: 1024)
    #expect(try read(8192) == sevens + zeroes + sevens + sevens)
    #expect(try read(12_288).prefix(1024) == zeroes[...])
    #expect(try read(4096) == VirtioTemporaryDisk.pattern(4096, 4096))
    #expect(disk.read(0, VextFixture.diskByteCount) == before)
  }

  @Test func `two copies of one image are two disks, and one that is read-only refuses writes`() throws {
    let thread = try IOThread(name: "memory", cpus: nil, waiting: .polling, engine: .memory)
    defer { thread.stop() }
    let disk = VirtioTemporaryDisk(byteCount: VextFixture.diskByteCount)
    let first = try fixture(thread, disk)
    let second = try fixture(thread, disk, readOnly: true)
    defer {
      first.device.shutDown()
      second.device.shutDown()
    }
    try first.memory.write([UInt8](repeating: 9, count: 512), at: GuestAddress(VextFixture.data))
    #expect(try first.driver.perform(VextFixture.entry(.write)).status == 0)
    #expect(try second.driver.perform(VextFixture.entry(.write)).status == UInt16(EROFS))
    #expect(try second.driver.perform(VextFixture.entry(.read)).status == 0)
    #expect(
      try second.memory.read(512, at: GuestAddress(VextFixture.data)) == VirtioTemporaryDisk.pattern(0, 512))
  }

  @Test func `a file with holes is copied, and one that is too large for the memory is refused`() throws {
    let disk = VirtioTemporaryDisk(byteCount: 4096)
    disk.truncate(to: 3 << 20)
    disk.write([UInt8](repeating: 1, count: 4096), at: 2 << 20)
    let thread = try IOThread(name: "memory", cpus: nil, waiting: .polling, engine: .memory)
    defer { thread.stop() }
    let (device, driver, memory) = try fixture(thread, disk)
    defer { device.shutDown() }
    for (offset, byte) in [(1 << 20, 0), (2 << 20, 1), (3 << 20 - 512, 0)] as [(UInt64, UInt8)] {
      #expect(try driver.perform(VextFixture.entry(.read, offset: offset)).status == 0)
      #expect(
        try memory.read(512, at: GuestAddress(VextFixture.data)) == [UInt8](repeating: byte, count: 512))
    }
    disk.truncate(to: 1 << 43)
    #expect(throws: DiskError.self) {
      try DiskImage(path: disk.path, readOnly: true, direct: false, inMemory: true)
    }
  }

  @Test func `the engine answers EIO for a disk that is not in memory`() throws {
    let thread = try IOThread(name: "memory", cpus: nil, waiting: .polling, engine: .memory)
    defer { thread.stop() }
    let fixture = try VextFixture(server: thread)
    #expect(try fixture.driver.perform(VextFixture.entry(.read)).status == UInt16(EIO))
  }

  @Test func `a full queue of reads gets each block's bytes, whatever their order and number`() throws {
    let thread = try IOThread(name: "memory", cpus: nil, waiting: .polling, engine: .memory)
    defer { thread.stop() }
    let disk = VirtioTemporaryDisk(byteCount: VextFixture.diskByteCount)
    let (device, driver, memory) = try fixture(thread, disk)
    defer { device.shutDown() }
    for count in 1...16 {
      for index in 0..<count {
        var entry = VextFixture.entry(.read, id: UInt16(index), offset: UInt64(16 - index) * 1024)
        entry.segment0.address = GuestAddress(VextFixture.data + UInt64(index) * 512)
        driver.push(entry)
      }
      for _ in 0..<count {
        let answer = try driver.completion()
        #expect(answer.status == 0 && answer.byteCount == 512)
      }
      for index in 0..<count {
        let bytes = try memory.read(512, at: GuestAddress(VextFixture.data + UInt64(index) * 512))
        #expect(bytes == VirtioTemporaryDisk.pattern((16 - index) * 1024, 512))
      }
    }
  }
}
