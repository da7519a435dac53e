import Foundation
import Testing

@testable import Bench

/// The files in docs/ci.md and docs/cluster.md, as far as they can be read without their services.
struct CIPageTests {
  private static func blocks(_ language: String, in page: String) throws -> [String] {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../../../docs/\(page)")
    let text = try String(contentsOf: path.standardizedFileURL, encoding: .utf8)
    return text.components(separatedBy: "```\(language)\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
  }

  @Test(arguments: [("ci.md", 2), ("cluster.md", 1)])
  func `YAML files can be parsed`(page: String, count: Int) throws {
    let blocks = try Self.blocks("yaml", in: page)
    #expect(blocks.count == count)
    for block in blocks {
      #expect(throws: Never.self) { try ScenarioNode(yaml: Data(block.utf8), largestByteCount: 65_536) }
    }
  }

  @Test func `bash can read the scripts`() throws {
    let blocks = try Self.blocks("bash", in: "cluster.md")
    #expect(blocks.count == 2)
    for block in blocks {
      let folder = try TemporaryFolder()
      try Data(block.utf8).write(to: URL(filePath: folder.file("script")))
      #expect(try CommandRun(["bash", "-n", folder.file("script")]).exitCode == 0)
    }
  }
}
