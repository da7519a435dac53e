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
    let heading = try Self.lines(of: "CHANGELOG.md").first { $0.hasPrefix("## ") }
    #expect(
      heading == "## Unreleased: \(ProjectVersion.text)"
        || heading?.hasPrefix("## \(ProjectVersion.text) ") == true)
  }

  @Test func `DKMS rebuilds the Linux driver under the project's version`() throws {
    let lines = try Self.lines(of: "Sources/VextLinux/dkms.conf")
    #expect(lines.contains("PACKAGE_VERSION=\"\(ProjectVersion.text)\""))
    // The comment says where to copy the folder.
    #expect(lines.contains { $0.contains("/usr/src/vext-\(ProjectVersion.text),") })
    #expect(lines.contains { $0.contains("dkms install vext/\(ProjectVersion.text).") })
  }

  private static func lines(of path: String) throws -> [String] {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../\(path)")
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
  }
}
