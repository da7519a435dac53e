import Foundation
import Testing

@testable import Bench

/// The table of options in the code, the one in docs/linux-guests.md, and fio's own list are the same.
struct FioOptionTableTests {
  private static func word(_ treatment: FioOptionTable.Treatment?) -> String {
    switch treatment {
    case .taken: "taken"
    case .replaced: "replaced"
    case .refused: "refused"
    case nil: "unknown"
    }
  }

  /// The rows of the page's table: names in the first column, what becomes of them in the second.
  private static func documented() throws -> [String: [String]] {
    let project = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../../docs/linux-guests.md").standardizedFileURL
    let page = try String(contentsOf: project, encoding: .utf8)
    let section = try #require(page.components(separatedBy: "\n### Options of a job file\n").last)
      .components(separatedBy: "\n## ")[0]
    var rows: [String: [String]] = [:]
    for line in section.split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      for name in cells[0].split(separator: ",") {
        rows[name.trimmingCharacters(in: CharacterSet(charactersIn: " `")), default: []].append(cells[1])
      }
    }
    return rows
  }

  @Test func `the page names each option once, and says what the code does`() throws {
    let rows = try Self.documented()
    #expect(Set(rows.keys) == FioOptionTable.names)
    for (name, words) in rows {
      #expect(words == [Self.word(FioOptionTable.treatment(of: name))], "\(name)")
    }
  }

  /// The options of all engines that fio can load here.
  private static func engineOptions() throws -> Set<String> {
    let engines = try CommandRun(["fio", "--enghelp"]).output.split(separator: "\n").dropFirst()
    var names: Set<String> = []
    for engine in engines {
      let run = try CommandRun(["fio", "--enghelp=\(engine.trimmingCharacters(in: .whitespaces))"])
      for line in run.output.split(separator: "\n") where line.contains(" : ") || line.contains("\t: ") {
        names.insert(line.prefix { $0 != ":" }.trimmingCharacters(in: .whitespaces))
      }
    }
    return names
  }

  @Test(.enabled(if: installedVersion == "fio-3.33", "fio 3.33 is not installed"))
  func `every option of an engine of fio 3.33 is in the table`() throws {
    let options = try Self.engineOptions()
    #expect(options.isSuperset(of: ["hipri", "sqthread_poll", "userspace_reap", "thp"]))
    #expect(options.subtracting(FioOptionTable.names).isEmpty)
  }

  private static var installedVersion: String? { try? CommandRun(["fio", "--version"]).output }

  @Test(.enabled(if: installedVersion == "fio-3.33", "fio 3.33 is not installed"))
  func `every option that fio 3.33 documents is in the table, under fio's own name`() throws {
    let list = try CommandRun(["fio", "--cmdhelp=all"]).output.split(separator: "\n")
    let names = list.map { $0.prefix { $0 != ":" }.trimmingCharacters(in: .whitespaces) }
    #expect(names.count > 200)
    #expect(FioOptionTable.names.isSuperset(of: names))
    let rest = FioOptionTable.names.subtracting(names).subtracting(try Self.engineOptions())
    #expect(rest == ["bs_is_seq_rand", "iomem_align", "softrandommap", "verify_async_cpus"])
    for name in rest { #expect(try CommandRun(["fio", "--cmdhelp=\(name)"]).output.contains(name)) }
    for (alias, name) in FioOptionTable.aliases {
      #expect(FioOptionTable.names.contains(name))
      #expect(!FioOptionTable.names.contains(alias))
    }
  }
}
