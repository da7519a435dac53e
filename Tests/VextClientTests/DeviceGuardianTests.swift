import Glibc
import HostSystem
import Testing
import VextProtocol

@testable import VextClient

struct DeviceGuardianTests {
  /// A function's registers that are a file, and a guardian of them.
  private struct Setup: ~Copyable {
    let folder = TemporaryFolder.makeOrTrap()
    let path: String
    let guardian: DeviceGuardian

    init() throws {
      path = folder.make("resource0", [UInt8](repeating: 0, count: Int(VextRegister.barByteCount)))
      let lock = try OwnedDescriptor.open(path, flags: O_RDWR)
      try #require(flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0)
      let registers = SharedRegisters(try MappedRegisters(descriptor: lock.rawValue))
      guardian = try DeviceGuardian(registers: registers, lock: lock.rawValue, pin: -1)
      // The guardian has a copy of the descriptor: this one is closed now, and the lock stays.
    }

    consuming func release() -> String {
      _ = consume guardian
      return path
    }
  }

  private static func isLocked(_ path: String) throws -> Bool {
    let descriptor = try OwnedDescriptor.open(path, flags: O_RDWR)
    return flock(descriptor.rawValue, LOCK_EX | LOCK_NB) != 0
  }

  private static func waitUntilUnlocked(_ path: String) throws -> Bool {
    for _ in 0..<2000 {
      if try !isLocked(path) { return true }
      HostClock.sleep(nanoseconds: 5_000_000)
    }
    return false
  }

  private static func wasReset(_ path: String) -> Bool {
    TemporaryFolder.read(path, at: Int(VextRegister.reset), 1) == [1]
  }

  @Test func `when its client is gone it resets the device and then gives up the lock`() throws {
    let setup = try Setup()
    let folder = setup.folder
    let path = setup.path
    #expect(try Self.isLocked(path))
    #expect(!Self.wasReset(path))
    // The end of the pipe is all that it sees of its client's end.
    _ = setup.release()
    #expect(try Self.waitUntilUnlocked(path))
    #expect(Self.wasReset(path))
    withExtendedLifetime(folder) {}
  }

  @Test func `when it is dismissed it leaves the device alone`() throws {
    let setup = try Setup()
    let path = setup.path
    setup.guardian.dismiss()
    #expect(try Self.waitUntilUnlocked(path))
    #expect(!Self.wasReset(path))
    _ = consume setup
  }
}
