import Foundation

/// How far a run is, as its folder or its files tell anybody who looks.
struct RunProgress: Codable, Equatable, Sendable {
  /// Boots that left rows.
  let finishedBoots: Int
  /// Boots that were planned; nil where there is no plan.
  let plannedBoots: Int?
  /// What open windows published within the last seconds.
  let live: [LiveSample]
  /// Another text if the rows are others.
  let rowsVersion: String

  enum CodingKeys: String, CodingKey {
    case finishedBoots = "boots_finished"
    case plannedBoots = "boots_planned"
    case live
    case rowsVersion = "rows_version"
  }

  /// Whether every boot of the plan left its rows.
  var isComplete: Bool { plannedBoots.map { finishedBoots >= $0 } ?? false }

  /// Examines `run`: the folder of an experiment, any folder of rows, or a file of rows, which may not be there yet.
  ///
  /// - Throws: ``BenchFailure`` if nothing is there and nothing can come.
  init(of run: String) throws {
    let manager = FileManager.default
    guard let isFolder = manager.isDirectory(atPath: run) else {
      let folder = OutputFiles.folder(csvPath: run)
      guard run.hasSuffix(".csv"), manager.isDirectory(atPath: folder) == true else {
        throw BenchFailure("\(run) does not exist", exitCode: .noInput)
      }
      self.init(finished: 0, planned: nil, samples: Self.samples(beside: run), files: [])
      return
    }
    guard isFolder else {
      let rows = try RowFile(path: run).rows.count
      self.init(finished: rows, planned: nil, samples: Self.samples(beside: run), files: [run])
      return
    }
    let rowFiles = try RowFileSearch.csvFiles(below: run)
    guard manager.fileExists(atPath: "\(run)/plan.json") else {
      let finished = try rowFiles.filter(RowFileSearch.holdsRows).reduce(0) {
        try $0 + RowFile(path: $1).rows.count
      }
      self.init(finished: finished, planned: nil, samples: Self.samples(in: run), files: rowFiles)
      return
    }
    let plan = try ExperimentFolder.plan(in: run)
    let finished = plan.ownBoots.count {
      manager.fileExists(atPath: ExperimentFolder.bootRowsPath(of: $0, in: run))
    }
    self.init(
      finished: finished, planned: plan.ownBoots.count, samples: Self.samples(in: "\(run)/boots"),
      files: rowFiles)
  }

  private init(finished: Int, planned: Int?, samples: [LiveSample], files: [String]) {
    finishedBoots = finished
    plannedBoots = planned
    live = samples
    rowsVersion = files.map { file in
      let attributes = try? FileManager.default.attributesOfItem(atPath: file)
      let size = attributes?[.size] as? Int ?? 0
      let changed = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      return "\(size)-\(Int(changed * 1000))"
    }.joined(separator: " ")
  }

  /// What the run that writes the file of rows `rows` publishes.
  private static func samples(beside rows: String) -> [LiveSample] {
    LiveSample.read(OutputFiles.stem(csvPath: rows) + LiveSample.nameEnd).map { [$0] } ?? []
  }

  private static func samples(in folder: String) -> [LiveSample] {
    // Where there is no such folder, nothing runs.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasSuffix(LiveSample.nameEnd) }.sorted().compactMap {
      LiveSample.read("\(folder)/\($0)")
    }
  }
}
