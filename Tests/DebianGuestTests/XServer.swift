import Foundation

/// An X server without a screen (Xvfb), whose picture is in a file.
final class XServer {
  private let folder: TemporaryFolder
  private let process: LkvmProcess
  /// DISPLAY for its clients.
  let display = ":7"

  /// Starts a server with a screen of 24-bit color.
  init(width: Int, height: Int) throws {
    folder = try TemporaryFolder()
    process = try LkvmProcess(
      [
        "Xvfb", display, "-screen", "0", "\(width)x\(height)x24", "-fbdir", folder.path, "-nolisten", "tcp",
        "-displayfd", "1",
      ], program: URL(filePath: "/usr/bin/env"))
    // It writes the display's number when clients may come.
    try process.wait(for: "\n", within: .seconds(60))
  }

  /// The screen as it is now: a word of red, green and blue for each pixel.
  ///
  /// The file has the format of xwd: a header of big-endian words, colors of 12 bytes, lines of pixels.
  func screenshot() throws -> [UInt32] {
    let data = [UInt8](try Data(contentsOf: URL(filePath: folder.file("Xvfb_screen0"))))
    func word(_ index: Int) -> Int { data[4 * index..<4 * index + 4].reduce(0) { $0 << 8 | Int($1) } }
    guard data.count >= 100, word(1) == 7, word(11) == 32 else {
      throw TestFailure("no dump of xwd's version 7")
    }
    let (width, height, byteCount, start) = (word(4), word(5), word(12), word(0) + 12 * word(19))
    guard byteCount >= 4 * width, data.count >= start + height * byteCount else {
      throw TestFailure("the dump is cut")
    }
    return (0..<height).flatMap { y in
      (0..<width).map { x in
        let offset = start + y * byteCount + 4 * x
        return UInt32(data[offset]) | UInt32(data[offset + 1]) << 8 | UInt32(data[offset + 2]) << 16
      }
    }
  }
}
