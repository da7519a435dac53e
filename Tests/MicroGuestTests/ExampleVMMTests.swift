import Foundation
import Testing

@Suite(.enabled(if: hasKVM, "/dev/kvm cannot be opened"))
struct ExampleVMMTests {
  @Test(.timeLimit(.minutes(20)))
  func `the example VMM boots the micro guest, which reads the disk a thousand times`() throws {
    let disk = FileManager.default.temporaryDirectory.appending(path: "vext-example-\(UUID().uuidString)")
    try Data(count: 1 << 20).write(to: disk)
    defer { try? FileManager.default.removeItem(at: disk) }
    let process = Process()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appending(path: "ExampleVMM")
    process.arguments = [disk.path]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect(String(decoding: data, as: UTF8.self).hasPrefix("1000 requests, "))
  }
}
