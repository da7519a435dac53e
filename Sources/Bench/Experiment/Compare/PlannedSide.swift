import Foundation

/// What the plan beside a file of rows says of the side that the file holds.
struct PlannedSide {
  /// The boots that were planned, without those that a comparison ended before.
  private let boots: [ExperimentPlan.Boot]
  private let folder: String
  private let isConfident: Bool

  /// The plan beside the file at `path`; nil where there is none, or none that names this file.
  init?(beside path: String) {
    folder = path.parentFolderOrCurrent
    let name = URL(filePath: path).lastPathComponent
    guard FileManager.default.fileExists(atPath: "\(folder)/plan.json"),
      let plan = try? ExperimentFolder.plan(in: folder),
      let side = plan.sides.firstIndex(where: { "\($0.name).csv" == name })
    else { return nil }
    boots = plan.ownBoots.filter { $0.side == side }
    isConfident = plan.confidentMargin != nil
  }

  /// The boots that left no row, of a side whose file has the rows of `rowCount` boots.
  ///
  /// A boot that was tried left what it printed. Where these files were not kept, every planned boot without a row counts.
  func failedCount(rowCount: Int) -> Int {
    guard FileManager.default.fileExists(atPath: "\(folder)/boots") else {
      return isConfident ? 0 : max(0, boots.count - rowCount)
    }
    return boots.count { boot in
      let stem = ExperimentFolder.stem(ofBoot: boot.index, in: folder)
      return !FileManager.default.fileExists(atPath: "\(stem).csv")
        && FileManager.default.fileExists(atPath: "\(stem).log")
    }
  }
}
