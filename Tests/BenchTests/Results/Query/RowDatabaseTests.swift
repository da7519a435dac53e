import Foundation
import GRDB
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

    func query(
      _ sql: String, _ format: QueryWriter.Format = .csv, places: [String]? = nil,
      limits: QueryLimits = .standard
    ) throws -> String {
      var text = ""
      var writer = QueryWriter(format: format) { text += $0 }
      try RowDatabase(path: database).query(
        sql, places: places ?? [results], limits: limits, columns: { try writer.begin($0) },
        line: { try writer.add($0) })
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
    ("selec", "syntax error"), ("", "SQL"), ("select 1; select 2", "a query is one statement"),
    ("pragma query_only = 0; drop table boot", "SQL"),
    ("attach '/tmp/other.sqlite' as other", "a query only reads"),
    ("attach '/tmp/' || 'other.sqlite' as other", "a query only reads"),
    ("detach main", "a query only reads"),
    ("begin", "a query only reads"), ("commit", "a query only reads"), ("savepoint a", "a query only reads"),
    ("pragma query_only = 0", "a query only reads"), ("pragma journal_mode = wal", "a query only reads"),
    ("pragma table_info(rows)", "a query only reads"), ("vacuum", "a query only reads"),
    ("vacuum into '/tmp/other.sqlite'", "a query only reads"), ("reindex", "a query only reads"),
    ("analyze", "a query only reads"), ("explain delete from boot", "a query only reads"),
    ("insert into file(path, state) values ('a', 'b') returning id", "a query only reads"),
    ("with x as (select 1) delete from boot", "a query only reads"), ("drop view rows", "a query only reads"),
    ("create temp view other as select 1", "a query only reads"),
    ("select * from pragma_database_list", "not authorized"),
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

  @Test(arguments: [
    "select count(*) as n from rows", "with x as (select * from rows) select count(*) as n from x",
    "values (1)",
    "explain select * from rows", "explain query plan select iops from rows where iodepth > 1",
    "select group_concat(mode) over (order by iops) as m from rows",
    "/* a comment */ select 1; -- another one",
    "with recursive c(x) as (select 1 union all select x + 1 from c where x < 9) select max(x) from c",
  ])
  func `every statement that only reads is answered`(sql: String) throws {
    let store = try Store()
    try store.write("a.csv", iops: [1000])
    #expect(try store.query(sql).split(separator: "\n").count > 1)
  }

  @Test func `a query that does not end is ended after its time`() throws {
    let store = try Store()
    try store.write("a.csv", iops: [1000])
    let limits = QueryLimits(rows: 10, time: .milliseconds(100))
    let sql = "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c"
    let start = ContinuousClock.now
    let failure = #expect(throws: BenchFailure.self) { try store.query(sql, limits: limits) }
    #expect(ContinuousClock.now - start < .seconds(10))
    #expect(failure?.description == "the query took longer than 100ms; --time-limit TIME allows more")
    #expect(failure?.exitCode == .dataError)
  }

  @Test func `the time in which a result is written does not count`() throws {
    let store = try Store()
    try store.write("a.csv", iops: [1000, 2000])
    var count = 0
    try RowDatabase(path: store.database).query(
      "select iops from rows", places: [store.results],
      limits: QueryLimits(rows: 2, time: .milliseconds(1000)),
      columns: { _ in },
      line: { _ in
        count += 1
        Thread.sleep(forTimeInterval: 1.2)
      })
    #expect(count == 2)
  }

  @Test func `a result of too many lines is an error that names the option`() throws {
    let store = try Store()
    try store.write("a.csv", iops: [1000, 2000, 3000])
    let limits = QueryLimits(rows: 2, time: .milliseconds(10_000))
    #expect(try store.query("select iops from rows limit 2", limits: limits) == "iops\n1000\n2000\n")
    let failure = #expect(throws: BenchFailure.self) {
      try store.query("select iops from rows", limits: limits)
    }
    #expect(failure?.description.contains("more than 2 lines; --max-rows N allows more") == true)
    #expect(failure?.exitCode == .dataError)
  }

  @Test func `a value that is larger than any of ours is an error`() throws {
    let store = try Store()
    try store.write("a.csv", iops: [1000])
    let failure = #expect(throws: BenchFailure.self) { try store.query("select zeroblob(1000000000)") }
    #expect(failure?.description == "SQL: string or blob too big")
  }

  @Test func `a statement cannot load code`() throws {
    let store = try Store()
    try store.write("a.csv", iops: [1000])
    let failure = #expect(throws: BenchFailure.self) { try store.query("select load_extension('x')") }
    #expect(failure?.description == "SQL: not authorized")
  }

  @Test func `a database that is damaged is replaced`() throws {
    let store = try Store()
    try store.write("a.csv", iops: [1000])
    #expect(try store.query("select iops from rows") == "iops\n1000\n")
    let header = try Data(contentsOf: URL(filePath: store.database)).prefix(100)
    try (header + Data(repeating: 0x41, count: 8092)).write(to: URL(filePath: store.database))
    #expect(try store.query("select iops from rows") == "iops\n1000\n")
  }

  @Test func `a file that is not a cache of this command is refused and stays as it is`() throws {
    let store = try Store()
    try store.write("a.csv", iops: [1000])
    let other = "\(store.folder)/other"
    let database = try DatabaseQueue(path: "\(other).sqlite")
    try database.write { try $0.execute(sql: "CREATE TABLE boot(mine); INSERT INTO boot VALUES (1)") }
    try database.close()
    try Data("notes".utf8).write(to: URL(filePath: "\(other).txt"))
    try FileManager.default.createSymbolicLink(
      atPath: "\(other).link", withDestinationPath: "\(store.results)/a.csv")
    _ = try HistoryCache(path: "\(other).history")
    for path in [
      "\(other).sqlite", "\(other).txt", "\(other).link", "\(other).history", "\(store.results)/a.csv",
    ] {
      let before = try Data(contentsOf: URL(filePath: path))
      let failure = #expect(throws: BenchFailure.self) { try RowDatabase(path: path) }
      #expect(failure?.exitCode == .cannotCreate)
      #expect(failure?.description.hasPrefix("--database \(path): ") == true)
      #expect(try Data(contentsOf: URL(filePath: path)) == before)
    }
    #expect(throws: BenchFailure.self) { try RowDatabase(path: store.results) }
    #expect(throws: BenchFailure.self) { try HistoryCache(path: "\(other).txt") }
    try Data().write(to: URL(filePath: "\(other).empty"))
    _ = try RowDatabase(path: "\(other).empty")
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
