import Foundation
import Testing

/// The committed reference against SciPy itself, where scripts/test made the environment for it.
struct LiveSciPyTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let python = root.appending(path: ".build/statistics-environment/bin/python").path
  private static let script = root.appending(path: "scripts/lib/oracle/statistics-reference").path

  @Test(
    "SciPy still says what the committed reference says",
    .enabled(
      if: FileManager.default.isExecutableFile(atPath: python),
      "scripts/lib/oracle/statistics-environment makes the environment"))
  func rerun() throws {
    let process = Process()
    process.executableURL = URL(filePath: Self.python)
    process.arguments = [Self.script]
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let committed = try JSONSerialization.jsonObject(with: Data(contentsOf: #require(SciPyReference.file)))
    let fresh = try JSONSerialization.jsonObject(with: data)
    #expect(Self.isSame(fresh, committed))
  }

  /// Whether two documents agree, numbers but for the last digits, which depend on the processor.
  private static func isSame(_ left: Any, _ right: Any) -> Bool {
    switch (left, right) {
    case (let left as [String: Any], let right as [String: Any]):
      left.count == right.count
        && left.allSatisfy { key, value in right[key].map { isSame(value, $0) } ?? false }
    case (let left as [Any], let right as [Any]):
      left.count == right.count && zip(left, right).allSatisfy { isSame($0, $1) }
    case (let left as Double, let right as Double): isClose(left, right)
    case (let left as String, let right as String): left == right
    default: left is NSNull && right is NSNull
    }
  }
}
