import Foundation

/// What `bench view` shows: the report of a run as far as it has come, and how far that is.
final class ViewPages {
  /// A page is made again no sooner than this: making it takes CPU time that the run may need.
  private static let shortestSeconds = 3.0

  private let run: String
  private let choice: FigureRuns.Choice
  private var page: [UInt8] = []
  private var version: String?
  private var madeAt = Date.distantPast

  /// The pages of `run`, of the rows that `choice` takes.
  init(of run: String, choice: FigureRuns.Choice) {
    self.run = run
    self.choice = choice
  }

  /// The answer to `request`.
  func answer(_ request: ViewRequest) throws(ViewRequest.Refusal) -> [UInt8] {
    switch request.path {
    case "/":
      return ViewAnswer.bytes(type: "text/html; charset=utf-8", body: report(), isHead: request.isHead)
    case "/live.json":
      return ViewAnswer.bytes(type: "application/json", body: state(), isHead: request.isHead)
    default: throw .unknownPath
    }
  }

  private func state() -> [UInt8] {
    // A run that has been removed meanwhile: the page says that nothing answers.
    guard let progress = try? RunProgress(of: run), let data = try? JSONEncoder().encode(progress) else {
      return []
    }
    return Array(data)
  }

  /// The page, made again if the rows are others.
  private func report(now: Date = Date()) -> [UInt8] {
    do {
      let progress = try RunProgress(of: run)
      guard version != progress.rowsVersion || page.isEmpty,
        now.timeIntervalSince(madeAt) >= Self.shortestSeconds
      else { return page }
      page = Array(try html(progress).utf8)
      version = progress.rowsVersion
      madeAt = now
      return page
    } catch {
      return Array(RunReport.page(LiveSection.policy, body: HTMLText.element("p", "\(error)")).utf8)
    }
  }

  /// The report with its live part; before the first row, the live part alone.
  private func html(_ progress: RunProgress) throws -> String {
    let live = LiveSection(progress: progress)
    do {
      let runs = try FigureRuns([run], choice: choice)
      if progress.isComplete { return try ReportCommand.page(of: runs, root: run, live: live) }
      return try RunReport(
        runs: runs, figures: FigureSet(runs), drawn: [:], root: run, live: live,
        undrawnReason: "Drawn once all boots have ended: drawing takes CPU time that the run needs."
      ).html()
    } catch let failure as BenchFailure {
      return RunReport.page(
        LiveSection.policy,
        body: live.html + HTMLText.element("p", "There is no report yet: \(failure).")
          + "<script>\(LiveSection.script)</script>\n")
    }
  }
}
