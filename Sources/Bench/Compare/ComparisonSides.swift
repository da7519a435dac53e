/// Both sides of a comparison, found to be comparable.
struct ComparisonSides: Sendable {
  /// The configurations that both sides have, with a title each, in A's order.
  let configurations: [(key: ConfigurationKey, title: String)]
  /// Where A ran.
  let host: HostIdentity
  /// What a reader must know.
  let notes: [String]
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
    let bootsA = Dictionary(grouping: request.bootsA.filter(\.isSound), by: \.configuration)
    let bootsB = Dictionary(grouping: request.bootsB.filter(\.isSound), by: \.configuration)
    let unsound = (request.bootsA + request.bootsB).count { !$0.isSound }
    if unsound > 0 { notes.append("\(unsound) boot(s) with failed requests or wrong data were left out") }
    let order = Self.unique(request.bootsA.map(\.configuration))
    let common = order.filter { bootsA[$0] != nil && bootsB[$0] != nil }
    let all = Self.unique(order + request.bootsB.map(\.configuration))
    guard common.count == all.count else {
      throw BenchFailure(
        Self.difference(common: common, all: all, bootsA: bootsA, bootsB: bootsB), exitCode: .dataError)
    }
    let varying = ConfigurationKey.varyingColumns(of: common)
    configurations = common.map { ($0, $0.title(varying: varying)) }
    isPaired = request.isPaired
    self.bootsA = bootsA
    self.bootsB = bootsB
    if isPaired { try Self.checkPairing(of: [bootsA, bootsB]) }
    let placements = Set((request.bootsA + request.bootsB).map(\.placement))
    if placements.count > 1 { notes.append("threads were not on the same CPUs in all boots") }
    if !(request.bootsA + request.bootsB).allSatisfy(\.isTimingValid) {
      notes.append("times on this host (\(host.kvmBackend)) mean nothing in absolute terms; counts do")
    }
    self.notes = notes
  }

  /// The figures of a metric in a configuration; nil if there are none. Unpaired boots of paired sides are left out.
  func samples(of metric: Metric, configuration: ConfigurationKey) -> SampleSet? {
    let (first, second) = (bootsA[configuration] ?? [], bootsB[configuration] ?? [])
    guard isPaired else {
      let values = (first.compactMap { $0.values[metric] }, second.compactMap { $0.values[metric] })
      return values.0.isEmpty || values.1.isEmpty ? nil : .independent(first: values.0, second: values.1)
    }
    let partners = Dictionary(second.map { ($0.repetition, $0) }, uniquingKeysWith: { first, _ in first })
    let pairs = first.compactMap { boot -> SampleSet.Pair? in
      guard let a = boot.values[metric], let b = partners[boot.repetition]?.values[metric] else { return nil }
      return SampleSet.Pair(first: a, second: b)
    }
    return pairs.isEmpty ? nil : .paired(pairs)
  }

  /// A pair is told by its repetition, so there may be one boot of each only.
  private static func checkPairing(of sides: [[ConfigurationKey: [BootSample]]]) throws {
    for side in sides {
      for boots in side.values where Set(boots.map(\.repetition)).count < boots.count {
        throw BenchFailure(
          "line \(boots[0].line): several boots of one configuration have the same repetition, so pairs cannot be told; "
            + "compare without --paired", exitCode: .dataError)
      }
    }
  }

  private static func checkHosts(_ request: Comparison.Request, host: HostIdentity) throws -> [String] {
    for boot in request.bootsA + request.bootsB where boot.host != host {
      let differences = host.differences(from: boot.host).joined(separator: "; ")
      guard request.isForced else {
        throw BenchFailure(
          "line \(boot.line): the hosts differ: \(differences). Figures of different hosts do not compare; "
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

  /// Says which configuration is on one side only, and the columns in which it differs from what is on the other.
  private static func difference(
    common: [ConfigurationKey], all: [ConfigurationKey], bootsA: [ConfigurationKey: [BootSample]],
    bootsB: [ConfigurationKey: [BootSample]]
  ) -> String {
    let lone = all.filter { !common.contains($0) }
    let varying = ConfigurationKey.varyingColumns(of: all)
    guard let example = lone.first else { return "the configurations differ" }
    let (side, line) = bootsA[example].map { ("A", $0[0].line) } ?? ("B", bootsB[example]?[0].line ?? 0)
    return "A and B did not measure the same: \(lone.count) configuration(s) are on one side only, such as "
      + "'\(example.title(varying: varying))' of \(side) (line \(line)); --ignore \(varying.first ?? "COLUMN") "
      + "compares across a column"
  }
}
