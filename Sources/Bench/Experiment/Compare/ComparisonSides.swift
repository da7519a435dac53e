/// Both sides of a comparison, found to be comparable.
struct ComparisonSides: Sendable {
  /// The configurations that both sides have, with a title each, in A's order.
  let configurations: [(key: ConfigurationKey, title: String)]
  /// Where A ran.
  let host: HostIdentity
  /// Notes for the reader.
  let notes: [String]
  /// How many boots each configuration has on both sides, and how many of them failed.
  let counts: [(configuration: String, a: Reliability.Count, b: Reliability.Count)]
  private let isPaired: Bool
  private let bootsA: [ConfigurationKey: [BootSample]]
  private let bootsB: [ConfigurationKey: [BootSample]]

  /// Checks the sides of `request`.
  ///
  /// - Throws: ``BenchFailure`` if they ran on different hosts or measured different things.
  init(_ request: Comparison.Request) throws {
    guard let first = request.bootsA.first, !request.bootsB.isEmpty else {
      throw BenchFailure("there is no boot to compare", exitCode: .dataError)
    }
    host = first.host
    var notes = try Self.checkHosts(request, host: first.host)
    let allA = Dictionary(grouping: request.bootsA, by: \.configuration)
    let allB = Dictionary(grouping: request.bootsB, by: \.configuration)
    let order = Self.unique(request.bootsA.map(\.configuration))
    let common = order.filter { allB[$0] != nil }
    let all = Self.unique(order + request.bootsB.map(\.configuration))
    guard common.count == all.count else {
      throw BenchFailure(
        Self.difference(common: Set(common), all: all, bootsA: allA, bootsB: allB), exitCode: .dataError)
    }
    let varying = ConfigurationKey.varyingColumns(of: common)
    let configurations = common.map { ($0, title: $0.title(varying: varying)) }
    self.configurations = configurations
    isPaired = request.isPaired
    if isPaired { try Self.checkPairing(of: [allA, allB]) }
    func isUsed(_ boot: BootSample) -> Bool {
      boot.isSound && (!request.leavesOutDoubtful || boot.doubts.isEmpty)
    }
    bootsA = allA.mapValues { $0.filter(isUsed) }
    bootsB = allB.mapValues { $0.filter(isUsed) }
    counts = configurations.map { key, title in
      (title, Self.count(allA[key] ?? []), Self.count(allB[key] ?? []))
    }
    let unsound = (request.bootsA + request.bootsB).count { !$0.isSound }
    if unsound > 0 {
      notes.append(
        "\(unsound) boot(s) with failed requests or wrong data are left out of the metrics, and count as failures"
      )
    }
    notes += ComparisonNotes.circumstances(request.bootsA, request.bootsB)
    notes += ComparisonNotes.doubts(
      request.bootsA, request.bootsB, metrics: request.metrics, isLeftOut: request.leavesOutDoubtful)
    if isPaired { notes += Self.unpairedNotes(configurations, bootsA, bootsB) }
    let placements = Set((request.bootsA + request.bootsB).map(\.placement))
    if placements.count > 1 { notes.append("threads were not on the same CPUs in all boots") }
    if !(request.bootsA + request.bootsB).allSatisfy(\.isTimingValid) {
      notes.append("times on this host (\(host.kvmBackend)) mean nothing in absolute terms; counts do")
    }
    self.notes = notes
  }

  /// The values of a metric in a configuration; nil if there are none. Unpaired boots of paired sides are left out.
  func samples(of metric: Metric, configuration: ConfigurationKey) -> SampleSet? {
    let (first, second) = (bootsA[configuration] ?? [], bootsB[configuration] ?? [])
    guard isPaired else {
      let values = (first.compactMap { $0[metric] }, second.compactMap { $0[metric] })
      return values.0.isEmpty || values.1.isEmpty ? nil : .independent(first: values.0, second: values.1)
    }
    let partners = Dictionary(second.map { ($0.repetition, $0) }, uniquingKeysWith: { first, _ in first })
    // A sequential comparison takes them in the order in which they were measured.
    let pairs = first.sorted { $0.repetition < $1.repetition }.compactMap { boot -> SampleSet.Pair? in
      guard let a = boot[metric], let b = partners[boot.repetition]?[metric] else { return nil }
      return SampleSet.Pair(first: a, second: b)
    }
    return pairs.isEmpty ? nil : .paired(pairs)
  }

  private static func count(_ boots: [BootSample]) -> Reliability.Count {
    Reliability.Count(boots: boots.count, failed: boots.count { !$0.isSound })
  }

  /// Boots without a partner, which are left out.
  private static func unpairedNotes(
    _ configurations: [(ConfigurationKey, title: String)], _ bootsA: [ConfigurationKey: [BootSample]],
    _ bootsB: [ConfigurationKey: [BootSample]]
  ) -> [String] {
    var lone = 0
    var without: [String] = []
    for (key, title) in configurations {
      let first = Set((bootsA[key] ?? []).map(\.repetition))
      let second = Set((bootsB[key] ?? []).map(\.repetition))
      lone += first.symmetricDifference(second).count
      if first.isDisjoint(with: second) { without.append(title) }
    }
    var notes: [String] = []
    if !without.isEmpty {
      notes.append(
        "NO PAIR: A and B have no repetition in common in \(without.joined(separator: ", ")); leave out --paired, or take "
          + "rows that were measured side by side")
    }
    if lone > 0 { notes.append("\(lone) boot(s) without a partner of the same repetition are left out") }
    return notes
  }

  /// Boots are paired by their repetition, so that each repetition may have one boot a side.
  private static func checkPairing(of sides: [[ConfigurationKey: [BootSample]]]) throws {
    for side in sides {
      for boots in side.values where Set(boots.map(\.repetition)).count < boots.count {
        throw BenchFailure(
          "\(boots[0].location): several boots of one configuration have the same repetition, so the pairs are ambiguous; "
            + "compare without --paired", exitCode: .dataError)
      }
    }
  }

  private static func checkHosts(_ request: Comparison.Request, host: HostIdentity) throws -> [String] {
    for boot in request.bootsA + request.bootsB where boot.host != host {
      let differences = host.differences(from: boot.host).joined(separator: "; ")
      guard request.isForced else {
        throw BenchFailure(
          "\(boot.location): the hosts differ: \(differences). Results of different hosts cannot be compared; "
            + "--force does it nonetheless", exitCode: .dataError)
      }
      return ["THE HOSTS DIFFER: \(differences)"]
    }
    return []
  }

  private static func unique(_ keys: [ConfigurationKey]) -> [ConfigurationKey] {
    var seen: Set<ConfigurationKey> = []
    return keys.filter { seen.insert($0).inserted }
  }

  /// The message for a configuration that one side lacks, with the columns in which it differs from those of the other.
  private static func difference(
    common: Set<ConfigurationKey>, all: [ConfigurationKey], bootsA: [ConfigurationKey: [BootSample]],
    bootsB: [ConfigurationKey: [BootSample]]
  ) -> String {
    let lone = all.filter { !common.contains($0) }
    let varying = ConfigurationKey.varyingColumns(of: all)
    guard let example = lone.first, let boot = (bootsA[example] ?? bootsB[example])?.first else {
      return "the configurations differ"
    }
    return "A and B did not measure the same: \(lone.count) configuration(s) are on one side only, such as "
      + "'\(example.title(varying: varying))' of \(bootsA[example] == nil ? "B" : "A") (\(boot.location)); "
      + "--ignore \(varying.first ?? "COLUMN") compares across a column"
  }
}
