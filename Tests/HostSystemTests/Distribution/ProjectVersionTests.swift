import Foundation
import HostSystem
import Testing

@Suite struct ProjectVersionTests {
  @Test(arguments: [
    ["lkvm", "version"], ["bench", "--version"], ["fuse-vext", "-V"], ["vext-io", "--version"],
    ["vextd", "--version"],
  ])
  func `every program prints the project's version`(_ line: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent()
      .appending(path: line[0])
    process.arguments = Array(line.dropFirst())
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect(String(decoding: data, as: UTF8.self).hasPrefix("\(line[0]) \(ProjectVersion.text)"))
  }

  @Test func `the first heading of the changelog names the version`() throws {
    let changelog = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../../CHANGELOG.md")
    let heading = try String(contentsOf: changelog, encoding: .utf8).split(separator: "\n")
      .first { $0.hasPrefix("## ") }
    #expect(
      heading == "## Unreleased: \(ProjectVersion.text)"
        || heading?.hasPrefix("## \(ProjectVersion.text) ") == true)
  }
}
