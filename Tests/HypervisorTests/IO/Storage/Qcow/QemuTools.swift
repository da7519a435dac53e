import Foundation

/// QEMU's programs for images, with which the images of these tests are made and checked.
enum QemuTools {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  static let isInstalled = ["qemu-img", "qemu-io"].allSatisfy {
    FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)")
  }

  /// Runs a program of QEMU's.
  @discardableResult
  static func run(_ name: String, _ arguments: [String], accepting codes: Set<Int32> = [0]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/\(name)")
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard codes.contains(process.terminationStatus) else {
      throw Failure(description: "\(name) \(arguments): \(process.terminationStatus): \(output)")
    }
    return output
  }

  static func image(_ arguments: String...) throws { try run("qemu-img", arguments) }

  /// Runs commands of qemu-io on an image.
  static func io(_ path: String, format: String, _ commands: [String]) throws {
    try run("qemu-io", ["-f", format] + commands.flatMap { ["-c", $0] } + [path])
  }

  /// Checks an image: 0 is sound, 3 has leaks alone.
  static func check(_ path: String, leaksAllowed: Bool = false) throws {
    try run("qemu-img", ["check", "-f", "qcow2", path], accepting: leaksAllowed ? [0, 3] : [0])
  }
}
