import Foundation
// Visible in all files of these tests.
@_exported import TestFolders
import Testing

/// A folder with kernels and other files, and the built lkvm that runs in it with a home of its own.
struct LkvmFixture {
  /// What a run came to.
  struct Outcome {
    /// The process's exit code; 124 where it hung.
    var exitCode: Int32
    /// Standard output.
    var output: String
    /// Standard error.
    var errors: String
  }

  /// Real mode: prints "R" by the BIOS, writes "T" and a line feed to the debug port, and powers off.
  private static let flatBinary: [UInt8] = [
    0xB8, 0x52, 0x0E,  // mov  $0x0e52, %ax
    0xCD, 0x10,  //       int  $0x10
    0xBA, 0x02, 0x04,  // mov  $0x402, %dx
    0xB0, 0x54,  //       mov  $'T', %al
    0xEE,  //             out  %al, (%dx)
    0xB0, 0x0A,  //       mov  $'\n', %al
    0xEE,  //             out  %al, (%dx)
    0xBA, 0x04, 0x06,  // mov  $0x604, %dx
    0xB8, 0x00, 0x34,  // mov  $0x3400, %ax
    0xEF,  //             out  %ax, (%dx)
    0xF4,  //             hlt
  ]

  let folder: TemporaryFolder
  /// Where its guests' sockets are.
  var home: String { folder.file("home") }

  init() throws {
    folder = try TemporaryFolder()
    let files: [(String, Data)] = [
      ("halt", TinyKernel.file(TinyKernel.halting)), ("reset", TinyKernel.file(TinyKernel.resetting)),
      ("write", TinyKernel.file(TinyKernel.writing)), ("fault", TinyKernel.file(TinyKernel.faulting)),
      ("arm64", TinyKernel.file([0], machine: 183)), ("truncated", TinyKernel.file([]).prefix(80)),
      ("empty", Data()), ("prose", Data("a kernel".utf8)),
      ("noise", Data((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 73) })),
      ("firmware", Data(count: 4096)), ("flat", Data(Self.flatBinary)),
      ("tiny.img", Data(count: 100)), ("disk.img", Data(count: 1 << 20)),
    ]
    for (name, contents) in files { try contents.write(to: URL(filePath: folder.file(name))) }
    try FileManager.default.createDirectory(atPath: folder.file("dir"), withIntermediateDirectories: false)
    #expect(unsafe mkfifo(folder.file("fifo"), 0o600) == 0)
  }

  /// The names of sockets and whatever else is in the home.
  var homeEntries: [String] {
    get throws {
      guard FileManager.default.fileExists(atPath: home) else { return [] }
      return try FileManager.default.contentsOfDirectory(atPath: home).sorted()
    }
  }

  /// Runs `lkvm ARGUMENTS` to its end, half a minute at most.
  func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
    try start(arguments, environment: environment).waitForEnd()
  }

  /// Starts `lkvm ARGUMENTS`.
  func start(_ arguments: [String], environment: [String: String] = [:]) throws -> LkvmProcess {
    try LkvmProcess(
      arguments, folder: folder.path, environment: ["LKVM_HOME": home].merging(environment) { $1 })
  }

  /// Waits until the guest `name` runs, as `list` tells.
  ///
  /// - Returns: its process.
  func processIdentifier(of name: String) throws -> Int32 {
    for _ in 0..<200 {
      for line in try run(["list", "-i"]).output.split(separator: "\n") {
        let words = line.split(separator: " ")
        if words.count == 3, words[1] == name, words[2] == "running", let process = Int32(words[0]) {
          return process
        }
      }
      usleep(50_000)
    }
    throw NeverRan(name: name)
  }

  /// A guest that did not come to run.
  private struct NeverRan: Error {
    var name: String
  }
}
