import Foundation
import Testing

@testable import Bench

/// Queries over rows, in a database that follows the files.
struct RowDatabaseTests {
  /// A folder with a file of rows and a database beside it.
  private final class Store {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rows-\(UUID().uuidString)").path
    var database: String { folder + "/cache/rows.sqlite" }
    var results: String { folder + "/results" }

    init() throws {
      try FileManager.default.createDirectory(atPath: results, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Writes a file of one row for each number of requests per second.
    func write(_ name: String, iops: [Double]) throws {
      let lines = iops.map { iops in
        CSVSchema.line(
          RunRecord(
            context: RunFixture.context, cell: RunFixture.cell,
            measurement: RunFixture.measurement(iops: iops)))
      }
      try ([CSVSchema.header] + lines).map { $0 + "\n" }.joined()
        .write(toFile: "\(results)/\(name)", atomically: true, encoding: .utf8)
    }

    func query(_ sql: String, _ format: QueryWriter.Format = .csv, places: [String]? = nil) throws -> String {
      var text = ""
      var writer = QueryWriter(format: format) { text += $0 }
      try RowDatabase(path: database).query(
        sql, places: places ?? [results], columns: { try writer.begin($0) }, line: { try writer.add($0) })
      try writer.end()
      return text
    }
  }

  @Test func `columns have their types, and unknown values are NULL`() throws {
    let store = try Store()
    try store.write("a.csv", iops: [2000])
    let text = try store.query(
      """
      select mode, iops, typeof(iops), iodepth, typeof(iodepth), direct, dirty, host_cpu, fio_group is null as plain, line,
             replace(file, '\(store.results)', '') as file from rows
      """)
    #expect(
      text == """
        mode,iops,typeof(iops),iodepth,typeof(iodepth),direct,dirty,host_cpu,plain,line,file
        vext,2000,real,4,integer,1,1,"Imaginary ""X"", 9000",1,2,/a.csv

        """)
  }

  @Test func `a file that changes, comes or goes is seen by the next query`() throws {
    let store = try Store()
    try store.write("a.csv", iops: [1000, 2000])
    #expect(try store.query("select count(*) as n, sum(iops) as s from rows") == "n,s\n2,3000\n")
    try store.write("b.csv", iops: [5000])
    #expect(try store.query("select count(*) as n from rows") == "n\n3\n")
    #expect(try store.query("select iops from rows", places: ["\(store.results)/b.csv"]) == "iops\n5000\n")
    try store.write("a.csv", iops: [7000])
    #expect(try store.query("select iops from rows order by iops") == "iops\n5000\n7000\n")
    try FileManager.default.removeItem(atPath: "\(store.results)/b.csv")
    #expect(try store.query("select iops from rows") == "iops\n7000\n")
  }

  @Test func `formats are a table, JSON and Markdown as well`() throws {
    let store = try Store()
    try store.write("a.csv", iops: [1000, 2500])
    let sql = "select mode, iops, null as empty, 'a \"b\"' as word from rows order by iops"
    #expect(
      try store.query(sql, .json) == """
        [
        {"mode": "vext", "iops": 1000.0, "empty": null, "word": "a \\"b\\""},
        {"mode": "vext", "iops": 2500.0, "empty": null, "word": "a \\"b\\""}
        ]

        """)
    #expect(
      try store.query(sql, .markdown) == """
        | mode | iops | empty | word |
        | --- | ---: | ---: | --- |
        | vext | 1000 |  | a "b" |
        | vext | 2500 |  | a "b" |

        """)
    #expect(try store.query(sql, .table).split(separator: "\n").count == 4)
    #expect(try store.query("select 1 from rows where 0", .json) == "[]\n")
  }

  @Test(arguments: [
    ("delete from rows", "view"), ("delete from boot", "a query only reads"),
    ("create table x(y)", "a query only reads"), ("select missing from rows", "no such column"),
    ("selec", "syntax error"), ("", "SQL"), ("select 1; select 2", "SQL"),
    ("pragma query_only = 0; drop table boot", "SQL"),
  ])
  func `anything but one statement that reads is refused, and nothing is changed`(
    sql: String, reason: String
  ) throws {
    let store = try Store()
    try store.write("a.csv", iops: [1000])
    let failure = #expect(throws: BenchFailure.self) { try store.query(sql) }
    #expect(failure?.exitCode == .usage, "\(failure?.description ?? "")")
    #expect(failure?.description.contains(reason) == true, "\(failure?.description ?? "")")
    #expect(try store.query("select count(*) as n from rows") == "n\n1\n")
  }

  @Test func `a database that is damaged or has other columns is replaced`() throws {
    let store = try Store()
    try store.write("a.csv", iops: [1000])
    #expect(try store.query("select iops from rows") == "iops\n1000\n")
    try Data(repeating: 0x41, count: 8192).write(to: URL(fileURLWithPath: store.database))
    #expect(try store.query("select iops from rows") == "iops\n1000\n")
  }

  @Test func `a damaged row is named with its file and line, and a folder without rows is an error`() throws {
    let store = try Store()
    #expect(throws: BenchFailure.self) { try store.query("select 1 from rows") }
    try (CSVSchema.header + "\n1,2\n").write(
      toFile: "\(store.results)/bad.csv", atomically: true, encoding: .utf8)
    let failure = #expect(throws: BenchFailure.self) { try store.query("select 1 from rows") }
    #expect(failure?.description.contains("bad.csv:2: ") == true)
    #expect(failure?.exitCode == .dataError)
  }

  @Test func `the kept results have as many rows as their files have lines`() throws {
    let store = try Store()
    let results = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../../../results/2026-11-26-pvm-2cores"
    ).standardizedFileURL.path
    let lineCount = try RowFileSearch.csvFiles(below: results).filter(RowFileSearch.holdsRows)
      .reduce(0) { try $0 + RowFile(path: $1).rows.count }
    #expect(lineCount > 100)
    #expect(try store.query("select count(*) as n from rows", places: [results]) == "n\n\(lineCount)\n")
    // Words and names of earlier versions are those of today.
    #expect(
      try store.query("select distinct vmm from rows order by 1", places: [results]) == "vmm\nbuiltin\n")
  }
}
