import Foundation

/// Has fio on the host read what fio in the guest will get: both are the same program, and a misspelt option costs no boot.
enum FioParseCheck {
  private static let shownLineCount = 3

  /// Has fio read the job file of `configuration`, if it has one, as it will be on each of its paths.
  static func check(_ configuration: RunConfiguration) throws {
    guard let job = configuration.linux?.job else { return }
    let texts = try Set(configuration.paths).flatMap {
      try FioJob(configuration: configuration, path: $0, seed: 0).texts()
    }
    try check(texts, of: job.name)
  }

  /// Has fio read `texts`.
  ///
  /// - Parameters:
  ///   - texts: A job file for each phase.
  ///   - name: The user's file, for the message.
  /// - Throws: ``BenchFailure`` with fio's own words if it refuses one. Without fio on the host nothing is checked.
  static func check(_ texts: [String], of name: String) throws {
    guard CommandRun.find("fio") != nil else { return }
    try checkEngines(texts, of: name)
    let folder = FileManager.default.temporaryDirectory.appending(path: "bench-fio-\(UUID().uuidString)")
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
      // It holds nothing that anybody needs again.
      defer { try? FileManager.default.removeItem(at: folder) }
      for (index, text) in texts.enumerated() {
        let file = folder.appending(path: "\(index).fio")
        try Data(text.utf8).write(to: file)
        let run = try CommandRun(["fio", "--parse-only", file.path], folder: folder.path)
        guard run.exitCode != 0 else { continue }
        throw BenchFailure(
          "fio does not take the job file \(name): \(words(run.output, exitCode: run.exitCode))",
          exitCode: .dataError)
      }
    } catch let failure as BenchFailure {
      throw failure
    } catch {
      throw BenchFailure(
        "cannot write to \(folder.path): \(error.plainWords)", exitCode: .cannotCreate)
    }
  }

  /// Has fio name each engine of `texts`, which it loads only when a job runs. Engines outside of fio are files of the guest.
  private static func checkEngines(_ texts: [String], of name: String) throws {
    let key = "ioengine="
    let engines = texts.flatMap { $0.split(separator: "\n") }.filter { $0.hasPrefix(key) }
      .map { $0.dropFirst(key.count).trimmingCharacters(in: .whitespaces) }
    for engine in Set(engines).sorted() where !engine.contains(":") {
      let run = try CommandRun(["fio", "--enghelp=\(engine)"])
      // Engines without options of their own are an error too.
      if run.exitCode != 0, run.output.contains("not found") {
        throw BenchFailure("the job file \(name): fio has no ioengine \(engine)", exitCode: .dataError)
      }
    }
  }

  /// The first lines that say something: fio indents lists of what it would have taken.
  static func words(_ output: String, exitCode: Int32) -> String {
    let lines = output.split(whereSeparator: \.isNewline).filter {
      $0.first?.isWhitespace == false && !$0.hasPrefix("valid values:")
    }
    .prefix(shownLineCount)
    .map { $0.hasPrefix("fio: ") ? $0.dropFirst(5) : $0 }
    return lines.isEmpty ? "it ended with code \(exitCode)" : lines.joined(separator: "; ")
  }
}
