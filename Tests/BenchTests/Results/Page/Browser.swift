import Foundation
import Testing

@testable import Bench

/// Chromium without a window.
enum Browser {
  private static let program = CommandRun.find("chromium")

  /// Whether it is there.
  static var isInstalled: Bool { program != nil }

  /// How light a picture is, from 0 to 255.
  struct Brightness: Equatable {
    let mean: Double
    let deviation: Double
  }

  private struct LogEntry: Decodable {
    struct Parameters: Decodable {
      let url: String?
      let initiator: String?
    }
    let params: Parameters?
  }

  private struct Log: Decodable {
    let events: [LogEntry]
  }

  /// What the browser made of the page at `path`, as text.
  static func load(_ path: String, options: [String] = []) throws -> String {
    let folder = try TemporaryFolder()
    return try run(["--dump-dom", "--virtual-time-budget=5000"] + options, path, profile: folder)
  }

  /// What the page at `path` asked the network for. The browser's own requests, for updates and the like, have no page that began them.
  static func requests(of path: String) throws -> [String] {
    let folder = try TemporaryFolder()
    _ = try run(["--log-net-log=\(folder.file("log.json"))", "--dump-dom"], path, profile: folder)
    let log = try JSONDecoder().decode(
      Log.self, from: Data(contentsOf: URL(filePath: folder.file("log.json"))))
    return log.events.compactMap { event in
      guard let initiator = event.params?.initiator, initiator != "not an origin" else { return nil }
      return event.params?.url
    }
  }

  /// The brightness of the page at `path` on a screen of 600 by 900, of its red.
  static func brightness(of path: String, isDark: Bool) throws -> Brightness {
    let folder = try TemporaryFolder()
    _ = try run(
      [
        "--screenshot=\(folder.file("page.png"))", "--window-size=600,900", "--hide-scrollbars",
        "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)",
      ], path, profile: folder)
    // A picture as a table of its points: x, y, red, green, blue.
    let statistics = try CommandRun([
      "gnuplot", "-e",
      [
        "set table '\(folder.file("page.txt"))'",
        "plot '\(folder.file("page.png"))' binary filetype=png using 1:2:3 with rgbimage",
        "unset table", "stats '\(folder.file("page.txt"))' using 3 nooutput",
        "print STATS_mean, STATS_stddev",
      ].joined(separator: "; "),
    ])
    let numbers = statistics.output.split(separator: " ").compactMap { Double($0) }
    try #require(numbers.count == 2, "\(statistics.output)")
    return Brightness(mean: numbers[0], deviation: numbers[1])
  }

  /// The page at `path` as it is printed, which is kept at `target`.
  static func print(_ path: String, to target: String) throws -> Data {
    let folder = try TemporaryFolder()
    _ = try run(["--print-to-pdf=\(target)", "--no-pdf-header-footer"], path, profile: folder)
    return try Data(contentsOf: URL(filePath: target))
  }

  private static func run(
    _ options: [String], _ path: String, profile: borrowing TemporaryFolder
  ) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: try #require(program))
    // Root may not have a sandbox; the page is our own.
    process.arguments =
      [
        "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
        "--user-data-dir=\(profile.file("profile"))",
      ] + options + [URL(filePath: path).absoluteString]
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return String(decoding: data, as: UTF8.self)
  }
}
