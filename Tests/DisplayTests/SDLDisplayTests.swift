import CSDL
import HostSystem
import Synchronization
import Testing

@testable import Display
@testable import Hypervisor

/// A guest's screen in a window, which SDL's driver for tests keeps in memory.
@Suite(.serialized) struct SDLDisplayTests {
  private final class Calls: Sendable {
    let restrictions = Atomic<Int>(0)
  }

  init() throws { try Self.choose("dummy") }

  /// Makes SDL use a driver from now on.
  private static func choose(_ driver: String) throws {
    unsafe _ = try SDLLibrary.shared().functions.set_hint("SDL_VIDEODRIVER", driver)
  }

  @Test func `a window shows a frame buffer, restricts its thread once, and closes`() throws {
    let fixture = try ControllerFixture()
    let log = FakeChangeLog()
    let mode = try #require(VideoMode(width: 320, height: 200))
    let frameBuffer = try FrameBuffer(mode, log: log)
    let display = try SDLDisplay(mode: mode, title: "guest", threadName: "test-sdl")
    let calls = Calls()
    log.write([1, 2, 3, 0], at: 0)
    display.start(
      frameBuffer, keyboard: fixture.controller,
      restrict: { calls.restrictions.wrappingAdd(1, ordering: .relaxed) }, closed: {})
    let deadline = HostClock.monotonicNanoseconds() + 10_000_000_000
    while log.hasChanges, HostClock.monotonicNanoseconds() < deadline {
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    #expect(!log.hasChanges)
    display.stop()
    display.stop()
    #expect(calls.restrictions.load(ordering: .relaxed) == 1)
  }

  @Test func `a window that is never started closes, too`() throws {
    let display = try SDLDisplay(mode: .standard, title: "guest", threadName: "test-sdl")
    display.stop()
  }

  @Test func `without a driver there is no window, and the reason is SDL's`() throws {
    try Self.choose("nothing")
    let error = #expect(throws: DisplayError.self) {
      try SDLDisplay(mode: .standard, title: "guest", threadName: "test-sdl")
    }
    #expect(error?.description.hasPrefix("SDL: ") == true)
  }

  @Test func `a library that is missing is named with its package`() {
    let error = #expect(throws: DisplayError.self) { try SDLLibrary(fileName: "libnothing.so.2") }
    #expect(error?.description.contains("Debian's package libsdl2-2.0-0") == true)
  }

  @Test(
    arguments: [
      (4, 0x1C), (29, 0x1A), (30, 0x16), (39, 0x45), (40, 0x5A), (44, 0x29), (45, 0x4E), (56, 0x4A),
      (57, 0x58), (58, 0x05), (69, 0x07), (70, 0xE07C), (72, 0xE177), (76, 0xE071), (79, 0xE074),
      (82, 0xE075), (83, 0x77), (88, 0xE05A), (89, 0x69), (99, 0x71), (101, 0xE02F), (224, 0x14),
      (230, 0xE011), (231, 0xE027),
    ] as [(UInt32, UInt16)])
  func `a key has the code of set 2`(usage: UInt32, code: UInt16) {
    #expect(KeyUsages.key(for: usage) == KeyCode(code))
  }

  @Test(arguments: [0, 3, 103, 223, 232, .max] as [UInt32])
  func `a number beyond a PS/2 keyboard's has no key`(usage: UInt32) {
    #expect(KeyUsages.key(for: usage) == nil)
  }
}
