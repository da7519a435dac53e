import Glibc
import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import VextClient

struct VextFunctionTests {
  private static func words(_ values: [UInt64: UInt32]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(VextRegister.barByteCount))
    for (offset, value) in values {
      for index in 0..<4 { bytes[Int(offset) + index] = UInt8(value >> (index * 8) & 0xFF) }
    }
    return bytes
  }

  /// A PCI function in a fake sysfs.
  private static func add(
    _ address: String, to folder: TemporaryFolder, vendor: String = "0x1af4", device: String = "0x10f5",
    enable: String = "0", registers: [UInt64: UInt32] = [:]
  ) {
    folder.make("\(address)/vendor", vendor + "\n")
    folder.make("\(address)/device", device + "\n")
    folder.make("\(address)/enable", enable + "\n")
    folder.make("\(address)/config", [UInt8](repeating: 0x10, count: 64))
    folder.make("\(address)/resource0", words(registers))
  }

  private static func options(_ folder: TemporaryFolder) -> VextOpenOptions {
    VextOpenOptions(lockTimeoutNanoseconds: 0, sysfsPath: folder.path)
  }

  @Test func `vext functions are found by their identity, in the order of their addresses`() throws {
    let folder = TemporaryFolder.makeOrTrap()
    Self.add("0000:00:05.0", to: folder)
    Self.add("0000:00:03.0", to: folder)
    Self.add("0000:00:02.0", to: folder, device: "0x1042")
    Self.add("0000:00:01.0", to: folder, vendor: "0x8086")
    #expect(try VextFunction.all(sysfsPath: folder.path).map(\.address) == ["0000:00:03.0", "0000:00:05.0"])
  }

  @Test func `opening reports that there is no function, or none of that address`() {
    let folder = TemporaryFolder.makeOrTrap()
    #expect(throws: VextClientError.noFunction) { try VextBlockDevice.open(options: Self.options(folder)) }
    #expect(throws: VextClientError.noFunction) {
      try VextBlockDevice.open(options: VextOpenOptions(sysfsPath: "/nonexistent"))
    }
    Self.add("0000:00:05.0", to: folder)
    #expect(throws: VextClientError.noSuchFunction(address: "0000:00:06.0")) {
      try VextBlockDevice.open("0000:00:06.0", options: Self.options(folder))
    }
  }

  @Test func `a function that another has locked is in use, and the next one is taken`() throws {
    let folder = TemporaryFolder.makeOrTrap()
    Self.add("0000:00:05.0", to: folder)
    let lock = try VextFunction.all(sysfsPath: folder.path)[0].lock(timeout: 0)
    #expect(throws: VextClientError.inUse(address: "0000:00:05.0")) {
      try VextBlockDevice.open(options: Self.options(folder))
    }
    Self.add("0000:00:06.0", to: folder)
    // The second one is tried: it has no magic number.
    #expect(throws: VextClientError.wrongMagic(address: "0000:00:06.0", magic: 0)) {
      try VextBlockDevice.open(options: Self.options(folder))
    }
    _ = consume lock
  }

  @Test func `opening enables the function's memory and bus mastering`() throws {
    let folder = TemporaryFolder.makeOrTrap()
    Self.add("0000:00:05.0", to: folder)
    _ = try? VextBlockDevice.open(options: Self.options(folder))
    #expect(TemporaryFolder.read("\(folder.path)/0000:00:05.0/enable", at: 0, 2) == Array("1\n".utf8))
    #expect(TemporaryFolder.read("\(folder.path)/0000:00:05.0/config", at: 3, 4) == [0x10, 0x16, 0x10, 0x10])
  }

  @Test func `registers other than a known vext device's are refused, and the error says which`() {
    let sound: [UInt64: UInt32] = [
      VextRegister.magic: VextRegister.magicValue, VextRegister.version: 1, VextRegister.capacity: 1 << 20,
      VextRegister.blockByteCount: 512, VextRegister.maxTransferByteCount: 1 << 20,
      VextRegister.maxSegments: 256, VextRegister.queueCount: 1, VextRegister.maxQueueDepth: 64,
      VextRegister.maxRangeByteCount: 1 << 20,
    ]
    func error(_ offset: UInt64, _ value: UInt32) -> VextClientError? {
      let folder = TemporaryFolder.makeOrTrap()
      Self.add("a", to: folder, registers: sound.merging([offset: value]) { $1 })
      do {
        _ = try VextBlockDevice.open(options: Self.options(folder))
        return nil
      } catch { return error }
    }
    #expect(error(VextRegister.magic, 7) == .wrongMagic(address: "a", magic: 7))
    #expect(error(VextRegister.version, 2) == .unknownVersion(address: "a", version: 2))
    func bad(_ name: String, _ value: UInt64) -> VextClientError {
      .badRegister(address: "a", name: name, value: value)
    }
    #expect(error(VextRegister.blockByteCount, 513) == bad("block_size", 513))
    #expect(error(VextRegister.blockByteCount, 0) == bad("block_size", 0))
    #expect(error(VextRegister.maxTransferByteCount, 511) == bad("max_transfer", 511))
    #expect(error(VextRegister.maxSegments, 0) == bad("max_segments", 0))
    #expect(error(VextRegister.queueCount, 129) == bad("queue_count", 129))
    #expect(error(VextRegister.maxQueueDepth, 3) == bad("max_queue_depth", 3))
    #expect(error(VextRegister.capacity, 1000) == bad("capacity", 1000))
  }

  @Test func `a BAR that is too small is refused`() {
    let folder = TemporaryFolder.makeOrTrap()
    Self.add("a", to: folder)
    folder.make("a/resource0", [UInt8](repeating: 0, count: 4096))
    #expect(throws: VextClientError.system("a: registers", .noSuchAddressOrDevice)) {
      try VextBlockDevice.open(options: Self.options(folder))
    }
  }

  @Test func `a function with a kernel driver is left alone`() {
    let folder = TemporaryFolder.makeOrTrap()
    Self.add("a", to: folder)
    folder.make("drivers/some-driver/bind", "")
    unsafe symlink("\(folder.path)/drivers/some-driver", "\(folder.path)/a/driver")
    #expect(throws: VextClientError.boundToDriver(address: "a", driver: "some-driver")) {
      try VextBlockDevice.open("a", options: Self.options(folder))
    }
  }

  @Test func `memory of no whole huge pages is refused`() {
    for byteCount in [0, -1, 4096, (2 << 20) + 1, 65 << 30] {
      #expect(throws: VextClientError.badPoolSize(byteCount: byteCount)) {
        _ = try VextMemory(byteCount: byteCount)
      }
    }
  }
}
