import Foundation
import Testing

@testable import Bench

/// docs/rows-to-parquet.ipynb, whose cells must run as they stand.
struct NotebookTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let python = root.appending(path: ".build/statistics-environment/bin/python").path

  private struct Notebook: Decodable {
    struct Cell: Decodable {
      let cellType: String
      let source: [String]

      enum CodingKeys: String, CodingKey {
        case cellType = "cell_type"
        case source
      }
    }
    let cells: [Cell]
  }

  @Test(
    "the cells of the notebook write all kept rows to a Parquet file and read the same rows back",
    .enabled(
      if: FileManager.default.isExecutableFile(atPath: python),
      "scripts/lib/oracle/statistics-environment makes the environment"))
  func cells() throws {
    let folder = try TemporaryFolder()
    let file = Self.root.appending(path: "docs/rows-to-parquet.ipynb")
    let notebook = try JSONDecoder().decode(Notebook.self, from: Data(contentsOf: file))
    let code = notebook.cells.filter { $0.cellType == "code" }.map { $0.source.joined() }
    #expect(code.count >= 4)
    try folder.write("cells.py", code.joined(separator: "\n\n"))
    let target = folder.file("rows.parquet")
    let run = try CommandRun(
      ["env", "VEXT_PARQUET=\(target)", Self.python, folder.file("cells.py")],
      folder: Self.root.appending(path: "docs").path)
    #expect(run.exitCode == 0, "\(run.output)")
    #expect(run.output.contains(" rows of "))
    let magic = try Data(contentsOf: URL(filePath: target)).prefix(4)
    #expect(magic == Data("PAR1".utf8))
  }
}
