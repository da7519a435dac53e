import Display
import Hypervisor
import Testing

@testable import lkvm

/// The options of the frame buffer.
struct DisplayOptionTests {
  private static func devices(_ words: [String]) throws -> RunSettings.Devices {
    try ParsedCommand.run(words).settings.devices
  }

  @Test(
    arguments: [
      (["--vnc"], "127.0.0.1", 5900, nil), (["--vnc=:1"], "127.0.0.1", 5901, nil),
      (["--vnc=0.0.0.0"], "0.0.0.0", 5900, nil), (["--vnc=10.0.0.1:7000"], "10.0.0.1", 7000, nil),
      (["--vnc=127.0.0.1:0"], "127.0.0.1", 0, nil),
      (["--vnc=:99,password-file=/a,b"], "127.0.0.1", 5999, "/a,b"),
      (["--vnc=,password-file=p"], "127.0.0.1", 5900, "p"),
      (["--vnc=:1", "--vnc"], "127.0.0.1", 5900, nil),
    ] as [([String], String, UInt16, String?)])
  func `VNC listens on the loopback interface unless an address is given`(
    words: [String], address: String, port: UInt16, passwordFile: String?
  ) throws {
    let vnc = try #require(try Self.devices(words).vnc)
    #expect("\(vnc.address)" == address)
    #expect(vnc.port == port)
    #expect(vnc.passwordFile == passwordFile)
    #expect(vnc.isLocal == address.hasPrefix("127."))
  }

  @Test func `the word behind --vnc is not its value`() throws {
    let parsed = try ParsedCommand.run(["--vnc", "bzImage"])
    #expect(parsed.settings.devices.vnc == VNCConfiguration())
    #expect(parsed.settings.kernel.kernel == nil)
    #expect(try Self.devices(["--vnc", "--no-vnc"]).vnc == nil)
  }

  @Test(
    arguments: [
      ([], nil), (["--sdl"], "1024x768"), (["--sdl", "--no-sdl"], nil), (["--vidmode", "800x600"], nil),
      (["--vnc"], "1024x768"),
      (["--vnc", "--vidmode", "800x600"], "800x600"), (["--vidmode=0x31b", "--vnc"], "1280x1024"),
      (["--vidmode=786", "--vnc"], "640x480"), (["--vnc", "--vidmode", "0x315", "--no-vidmode"], "1024x768"),
    ] as [([String], String?)])
  func `a display has a mode of its own or another one`(words: [String], mode: String?) throws {
    #expect(try Self.devices(words).displayMode.map { "\($0)" } == mode)
  }
}
