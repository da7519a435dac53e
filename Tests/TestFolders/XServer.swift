import Foundation

/// An X server without a screen (Xvfb), whose picture is in a file. It ends with its last user.
package final class XServer {
  private let folder: TemporaryFolder
  private let process = Process()
  /// DISPLAY for its clients.
  package let display: String

  /// Whether the program is installed (Debian: xvfb).
  package static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: "/usr/bin/Xvfb") }

  /// Starts a server with a screen of 24-bit color on a display that is free.
  package init(width: Int, height: Int) throws {
    folder = try TemporaryFolder()
    process.executableURL = URL(filePath: "/usr/bin/Xvfb")
    process.arguments = [
      "-displayfd", "1", "-screen", "0", "\(width)x\(height)x24", "-fbdir", folder.path, "-nolisten", "tcp",
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    // It writes the display's number when clients may come, and nothing else.
    let number = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    display = ":" + number.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  deinit {
    // It may have inherited a mask with SIGTERM from the thread of the test.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// The screen as it is now: a word of red, green and blue for each pixel.
  ///
  /// The file has the format of xwd: a header of big-endian words, colors of 12 bytes, lines of pixels.
  package func screenshot() throws -> [UInt32] {
    let data = [UInt8](try Data(contentsOf: URL(filePath: folder.file("Xvfb_screen0"))))
    func word(_ index: Int) -> Int { data[4 * index..<4 * index + 4].reduce(0) { $0 << 8 | Int($1) } }
    guard data.count >= 100, word(1) == 7, word(11) == 32 else { throw CocoaError(.fileReadCorruptFile) }
    let (width, height, byteCount, start) = (word(4), word(5), word(12), word(0) + 12 * word(19))
    guard byteCount >= 4 * width, data.count >= start + height * byteCount else {
      throw CocoaError(.fileReadCorruptFile)
    }
    return (0..<height).flatMap { y in
      (0..<width).map { x in
        let offset = start + y * byteCount + 4 * x
        return UInt32(data[offset]) | UInt32(data[offset + 1]) << 8 | UInt32(data[offset + 2]) << 16
      }
    }
  }
}
