/// The sentences below a figure: what one must know before believing it.
enum FigureCaption {
  /// The caption of a figure of `group`.
  ///
  /// - Parameter reading: How the figure is to be read.
  static func sentences(_ kind: FigureKind, of group: FigureGroup, in runs: FigureRuns, reading: String)
    -> [String]
  {
    [
      "Reconstruction: the scenario is ours, made after the paper's abstract; no figure of the paper is repeated here.",
      "Host: \(runs.host.cpu), Linux \(runs.host.kernel), \(runs.host.numaNodes) NUMA node(s). KVM back end: \(runs.host.kvmBackend).",
      "\(reading) \(repetitions(of: group, kind))",
      "Common to all: \(common(to: group)).",
    ] + warnings(kind, group)
  }

  /// `5 boots each` or `3 to 5 boots each`.
  private static func repetitions(of group: FigureGroup, _ kind: FigureKind) -> String {
    let varying = kind.varyingColumns.sorted()
    let counts = Dictionary(grouping: group.boots) { boot in
      [boot.series.name] + varying.map { column in boot.sample.configuration.values[column] ?? "" }
    }.values.map(\.count)
    guard let fewest = counts.min(), let most = counts.max() else { return "" }
    let number = fewest == most ? "\(most)" : "\(fewest) to \(most)"
    return "The unit is the boot: \(number) repetition\(most == 1 ? "" : "s") of each."
  }

  /// The configuration, in the words of the command line.
  static func common(to group: FigureGroup) -> String {
    let values = group.configuration.values
    var parts: [String] = []
    func add<Value>(_ column: ColumnPath<Value>, _ text: (String) -> String) {
      if let value = values[RecordColumns.table[keyPath: column].name] { parts.append(text(value)) }
    }
    func size(_ text: String) -> String {
      UInt64(text).map { ByteSize(byteCount: $0).description } ?? text
    }
    add(\.guest) { "\($0) guest" }
    add(\.rw) { $0 }
    add(\.blockBytes) { "blocks of \(size($0))" }
    add(\.iodepth) { "iodepth \($0)" }
    add(\.guests) { "\($0) guest(s)" }
    add(\.busyGuests) { "\($0) of them busy" }
    add(\.workers) { "\($0) worker(s) each" }
    add(\.ioThreads) { "\($0) I/O thread(s)" }
    add(\.engine) { "engine \($0)" }
    add(\.direct) { Bool($0) == true ? "O_DIRECT" : "page cache" }
    add(\.regionBytes) { "working set \(size($0))" }
    add(\.thinkTimeSeconds) { "think time \($0) s" }
    add(\.fioJob) { "job \($0)" }
    add(\.guestKernel) { "guest's Linux \($0)" }
    let revisions = Set(group.boots.map(\.sample.revision)).sorted()
    parts.append(
      "revision \(revisions.map { $0.isEmpty ? "unknown" : shortened($0) }.joined(separator: ", "))")
    return parts.joined(separator: ", ")
  }

  private static func shortened(_ revision: String) -> String {
    let dirty = "-dirty"
    return revision.hasSuffix(dirty)
      ? "\(revision.dropLast(dirty.count).prefix(12))\(dirty)" : "\(revision.prefix(12))"
  }

  private static func warnings(_ kind: FigureKind, _ group: FigureGroup) -> [String] {
    var lines: [String] = []
    if kind.showsTimes, group.boots.contains(where: { !$0.sample.isTimingValid }) {
      lines.append(
        "TIMES MEAN NOTHING ON THIS HOST (timing_valid=false): neither rates nor latencies nor CPU times say anything."
      )
    }
    if let sentence = TrustIssue.sentence(group.boots.map(\.sample.doubts)) { lines.append(sentence + ".") }
    return lines
  }
}
