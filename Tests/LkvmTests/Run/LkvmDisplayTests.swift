import Foundation
import Testing

/// A guest's picture in a window on an X server.
@Suite(
  .enabled("needs /dev/kvm") { unsafe access("/dev/kvm", R_OK | W_OK) == 0 },
  .enabled(if: XServer.isInstalled, "needs Xvfb"))
struct LkvmDisplayTests {
  /// Maps the frame buffer by two pages of 2 MiB, fills 640x480 pixels with 336699h, and halts for good.
  private static let drawing: [UInt8] = [
    0x48, 0xC7, 0xC0, 0x03, 0x00, 0x20, 0x00,  //       mov  $0x200003, %rax      a page directory
    0x48, 0x89, 0x04, 0x25, 0x18, 0x30, 0x00, 0x00,  // mov  %rax, 0x3018         for 3 GiB to 4 GiB
    0xB8, 0x83, 0x00, 0x00, 0xC0,  //                   mov  $0xC0000083, %eax
    0x48, 0x89, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00,  // mov  %rax, 0x200000
    0xB8, 0x83, 0x00, 0x20, 0xC0,  //                   mov  $0xC0200083, %eax
    0x48, 0x89, 0x04, 0x25, 0x08, 0x00, 0x20, 0x00,  // mov  %rax, 0x200008
    0x0F, 0x20, 0xD8,  //                               mov  %cr3, %rax
    0x0F, 0x22, 0xD8,  //                               mov  %rax, %cr3
    0xBF, 0x00, 0x00, 0x10, 0xC0,  //                   mov  $0xC0100000, %edi
    0xB9, 0x00, 0xB0, 0x04, 0x00,  //                   mov  $307200, %ecx
    0xB8, 0x99, 0x66, 0x33, 0x00,  //                   mov  $0x336699, %eax
    0xFC, 0xF3, 0xAB,  //                               cld; rep stos %eax, (%rdi)
    0xF4, 0xEB, 0xFD,  //                               hlt; jmp
  ]

  @Test func `a window shows every pixel that a guest drew, and nothing else`() throws {
    let server = try XServer(width: 800, height: 600)
    #expect(Set(try server.screenshot()) == [0], "an empty screen")
    let fixture = try LkvmFixture()
    try TinyKernel.file(Self.drawing).write(to: URL(filePath: fixture.folder.file("draw")))
    let guest = try fixture.start(
      ["run", "draw", "-m", "64", "-c", "1", "--nodefaults", "--any-kvm", "--name", "a", "--sdl"]
        + ["--vidmode", "640x480"], environment: ["DISPLAY": server.display, "SDL_VIDEODRIVER": "x11"])
    _ = try fixture.processIdentifier(of: "a")
    let deadline = ContinuousClock.now + .seconds(20)
    var drawn = 0
    while drawn < 640 * 480, ContinuousClock.now < deadline {
      Thread.sleep(forTimeInterval: 0.1)
      drawn = try server.screenshot().count { $0 == 0x33_6699 }
    }
    #expect(drawn == 640 * 480)
    #expect(try fixture.run(["stop", "-n", "a"]).exitCode == 0)
    let outcome = try guest.waitForEnd()
    #expect(outcome.exitCode == 0)
    #expect(outcome.errors.isEmpty, "\(outcome.errors)")
  }
}
