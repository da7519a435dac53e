import ArgumentParser

extension QueryWriter.Format: ExpressibleByArgument {}

/// `bench query`: SQL over rows.
struct QueryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: "Answers a SELECT of SQL over all kept rows.",
    discussion: """
      The table is called rows. It has the columns of results/SCHEMA.md, the file of each row and its line; an empty field is NULL, and \
      true is 1. Files are read once and kept in a SQLite database, which may be deleted at any time. A statement that does more \
      than read is refused, and one that takes too long is ended.

        bench query 'select mode, count(*) as boots, avg(iops) from rows where iodepth = 1 group by mode'
      """)

  @Argument(help: ArgumentHelp("One statement of SQLite's SQL that only reads.", valueName: "sql"))
  var sql: String

  @Argument(help: ArgumentHelp("Folders of results and files of rows. Default: results.", valueName: "path"))
  var places: [String] = []

  @Option(help: "How the result is printed.")
  var format = QueryWriter.Format.table

  @Option(
    help: ArgumentHelp("The database of rows. Default: below $XDG_CACHE_HOME/vext.", valueName: "file"))
  var database: String?

  @Option(help: ArgumentHelp("The most lines of the result.", valueName: "count"))
  var maxRows = QueryLimits.standard.rows

  @Option(help: ArgumentHelp("The most time that the statement may take.", valueName: "time"))
  var timeLimit = QueryLimits.standard.time

  func validate() throws {
    guard maxRows > 0 else { throw ValidationError("--max-rows must be at least 1, and is \(maxRows)") }
    guard timeLimit.nanoseconds > 0 else { throw ValidationError("--time-limit must be longer than 0") }
  }

  func run() throws {
    let end = PromptEnd()
    defer { withExtendedLifetime(end) {} }
    var writer = QueryWriter(format: format, write: StandardOutput.write)
    try RowDatabase(path: database).query(
      sql, places: places.isEmpty ? ["results"] : places,
      limits: QueryLimits(rows: maxRows, time: timeLimit), columns: { try writer.begin($0) },
      line: { try writer.add($0) })
    try writer.end()
  }
}
