import Foundation

/// All figures that can be drawn of some boots.
struct FigureSet: Sendable {
  /// In the order of ``FigureKind``.
  let drawings: [Drawing]
  /// Figures whose data are not there.
  let missing: [FigureKind]

  /// The figures of `runs`.
  ///
  /// - Throws: ``BenchFailure`` if there is none.
  init(_ runs: FigureRuns) throws {
    var (drawings, missing) = ([Drawing](), [FigureKind]())
    for kind in FigureKind.allCases {
      if let drawing = kind.drawing(of: runs) { drawings.append(drawing) } else { missing.append(kind) }
    }
    guard !drawings.isEmpty else {
      throw BenchFailure(
        "the rows have the data of no figure: \(runs.boots.count) boot(s) completed no request",
        exitCode: .dataError)
    }
    self.drawings = drawings
    self.missing = missing
  }

  /// The files that ``write(to:)`` and ``draw(in:with:)`` make.
  var fileNames: [String] {
    drawings.flatMap { drawing in
      [Drawing.dataFile(drawing.kind), drawing.scriptFile] + Drawing.formats.map { "\(drawing.name).\($0)" }
    }
  }

  /// Writes data and scripts into `folder`, which is made if it is not there.
  func write(to folder: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for drawing in drawings {
        for (name, text) in [
          (Drawing.dataFile(drawing.kind), drawing.data), (drawing.scriptFile, drawing.script),
        ] {
          try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"), options: .atomic)
        }
      }
    } catch {
      throw BenchFailure("cannot write to \(folder): \(error.plainWords)", exitCode: .cannotCreate)
    }
  }

  /// Draws all figures whose scripts are in `folder`.
  func draw(in folder: String, with gnuplot: Gnuplot) throws {
    for drawing in drawings { try gnuplot.draw(drawing, in: folder) }
  }

  /// The output of the command: a line for each figure, drawn or not.
  func summary(folder: String, isDrawn: Bool) -> [String] {
    let ends = (isDrawn ? Drawing.formats : []) + ["gp", "dat"]
    let lines = drawings.map { drawing in
      "\(drawing.name): \(folder)/\(drawing.name).{\(ends.joined(separator: ","))}"
        + (drawing.otherGroupCount > 0
          ? "; \(drawing.otherGroupCount) other configuration(s) of the rows are not in it (--where chooses)"
          : "")
    }
    return lines + missing.map { "\($0.rawValue): left out, it needs \($0.need)" }
  }
}
