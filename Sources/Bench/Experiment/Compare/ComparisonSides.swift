/// Both sides of a comparison, found to be comparable.
struct ComparisonSides: Sendable {
  /// The configurations that both sides have, with a title each, in A's order.
  let configurations: [(key: ConfigurationKey, title: String)]
  /// Where the boots ran: one host, or several that both sides have.
  let hosts: [HostIdentity]
  /// Notes for the reader.
  let notes: [String]
  /// How many boots each configuration has on both sides, and how many of them failed.
  let counts: [(configuration: String, a: Reliability.Count, b: Reliability.Count)]
  /// Whether boots are compared in pairs; those of several hosts always are.
  let isPaired: Bool
  /// The configurations of which a side has no boot at all, by title.
  let missing: [String]
  /// What one side lacks of the repetitions that the other has, and that nothing explains: a sentence each.
  let unexplained: [String]
  /// The pairs of boots, as places in both sides, in the order in which they were measured; empty for independent boots.
  private let partners: [ConfigurationKey: [BootPairing.Pair]]
  private let bootsA: [ConfigurationKey: [BootSample]]
  private let bootsB: [ConfigurationKey: [BootSample]]

  /// Checks the sides of `request`.
  ///
  /// - Throws: ``BenchFailure`` if they ran on different hosts or measured different things.
  init(_ request: Comparison.Request) throws {
    guard let first = request.bootsA.first, !request.bootsB.isEmpty else {
      throw BenchFailure("there is no boot to compare", exitCode: .dataError)
    }
    let hosts = Self.commonHosts(request)
    self.hosts = hosts
    var notes = try Self.checkHosts(request, hosts: hosts)
    let allA = Dictionary(grouping: request.bootsA, by: \.configuration)
    let allB = Dictionary(grouping: request.bootsB, by: \.configuration)
    let order = Self.unique(request.bootsA.map(\.configuration))
    let common = order.filter { allB[$0] != nil }
    let all = Self.unique(order + request.bootsB.map(\.configuration))
    let lone = all.filter { allA[$0] == nil || allB[$0] == nil }
    // Boots of B that all failed leave no row: that is a result, as long as B measured nothing else than A.
    let isExplained = lone.allSatisfy { allA[$0] != nil } || !request.failedBoots.isEmpty
    guard lone.isEmpty || !common.isEmpty && isExplained else {
      throw BenchFailure(
        Self.difference(common: Set(common), all: all, bootsA: allA, bootsB: allB), exitCode: .dataError)
    }
    let varying = ConfigurationKey.varyingColumns(of: all)
    let configurations = common.map { (key: $0, title: $0.title(varying: varying)) }
    self.configurations = configurations
    let loneConfigurations = lone.map { (key: $0, title: $0.title(varying: varying)) }
    missing = loneConfigurations.map(\.title)
    let isPaired = request.isPaired || hosts.count > 1
    self.isPaired = isPaired
    if request.isPaired { try Self.checkPairing(of: [allA, allB]) }
    func isUsed(_ boot: BootSample) -> Bool {
      boot.isSound && (!request.leavesOutDoubtful || boot.doubts.isEmpty)
    }
    let (usedA, usedB) = (allA.mapValues { $0.filter(isUsed) }, allB.mapValues { $0.filter(isUsed) })
    bootsA = usedA
    bootsB = usedB
    var pairing = BootPairing(byRepetition: request.isPaired)
    var partners: [ConfigurationKey: [BootPairing.Pair]] = [:]
    if isPaired {
      for key in common { partners[key] = pairing.pairs(usedA[key] ?? [], usedB[key] ?? []) }
    }
    self.partners = partners
    let gaps = MissingBoots(request.rowsAreAll ? configurations + loneConfigurations : [], allA, allB)
    unexplained = gaps.unexplained
    counts =
      configurations.map { key, title in
        (title, Self.count(allA[key] ?? []) + gaps.a(key), Self.count(allB[key] ?? []) + gaps.b(key))
      }
      + (request.rowsAreAll ? loneConfigurations : []).map { key, title in
        (title, Self.count(allA[key] ?? []), gaps.b(key))
      }
    notes += gaps.notes
    let unsound = (request.bootsA + request.bootsB).count { !$0.isSound }
    if unsound > 0 {
      notes.append(
        "\(unsound) boot(s) with failed requests or wrong data are left out of the metrics, and count as failures"
      )
    }
    notes += ComparisonNotes.circumstances(request.bootsA, request.bootsB)
    notes += ComparisonNotes.doubts(
      request.bootsA, request.bootsB, metrics: request.metrics, isLeftOut: request.leavesOutDoubtful)
    if isPaired {
      notes += Self.unpairedNotes(configurations, usedA, usedB, partners, byRepetition: request.isPaired)
    }
    let placements = Set((request.bootsA + request.bootsB).map(\.placement))
    if placements.count > 1 { notes.append("threads were not on the same CPUs in all boots") }
    if !(request.bootsA + request.bootsB).allSatisfy(\.isTimingValid) {
      notes.append("times on this host (\(first.host.kvmBackend)) mean nothing in absolute terms; counts do")
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
    let pairs = (partners[configuration] ?? []).compactMap { Self.pair(first[$0.a], second[$0.b], metric) }
    return pairs.isEmpty ? nil : .paired(pairs)
  }

  /// The change on each host, where there are several.
  func changesByHost(of metric: Metric, configuration: ConfigurationKey, title: String) -> [HostChange] {
    guard hosts.count > 1 else { return [] }
    let (first, second) = (bootsA[configuration] ?? [], bootsB[configuration] ?? [])
    return hosts.compactMap { host in
      HostChange(
        host: host, configuration: title, metric: metric,
        pairs: (partners[configuration] ?? []).filter { first[$0.a].host == host }
          .compactMap { Self.pair(first[$0.a], second[$0.b], metric) })
    }
  }

  private static func pair(_ first: BootSample, _ second: BootSample, _ metric: Metric) -> SampleSet.Pair? {
    guard let a = first[metric], let b = second[metric] else { return nil }
    return SampleSet.Pair(first: a, second: b)
  }

  private static func count(_ boots: [BootSample]) -> Reliability.Count {
    Reliability.Count(boots: boots.count, failed: boots.count { !$0.isSound })
  }

  /// Boots without a partner, which are left out.
  private static func unpairedNotes(
    _ configurations: [(key: ConfigurationKey, title: String)], _ bootsA: [ConfigurationKey: [BootSample]],
    _ bootsB: [ConfigurationKey: [BootSample]], _ partners: [ConfigurationKey: [BootPairing.Pair]],
    byRepetition: Bool
  ) -> [String] {
    var lone = 0
    var without: [String] = []
    for (key, title) in configurations {
      let count = partners[key]?.count ?? 0
      lone += (bootsA[key]?.count ?? 0) + (bootsB[key]?.count ?? 0) - 2 * count
      if count == 0 { without.append(title) }
    }
    var notes: [String] = []
    if !without.isEmpty {
      notes.append(
        "NO PAIR: A and B have no repetition in common in \(without.joined(separator: ", ")); leave out --paired, or take "
          + "rows that were measured side by side")
    }
    if lone > 0 {
      notes.append(
        "\(lone) boot(s) without a partner \(byRepetition ? "of the same repetition" : "on the same host") are left out"
      )
    }
    return notes
  }

  /// Boots are paired by their repetition, so that each repetition may have one boot a side and host.
  private static func checkPairing(of sides: [[ConfigurationKey: [BootSample]]]) throws {
    var pairing = BootPairing(byRepetition: true)
    for side in sides {
      for boots in side.values where Set(pairing.places(boots)).count < boots.count {
        throw BenchFailure(
          "\(boots[0].location): several boots of one configuration have the same repetition, so the pairs are ambiguous; "
            + "compare without --paired", exitCode: .dataError)
      }
    }
  }

  /// The hosts of both sides if these are the same, in A's order; else that of A's first boot alone.
  private static func commonHosts(_ request: Comparison.Request) -> [HostIdentity] {
    var seen: Set<HostIdentity> = []
    let hosts = request.bootsA.map(\.host).filter { seen.insert($0).inserted }
    return seen == Set(request.bootsB.map(\.host)) ? hosts : Array(hosts.prefix(1))
  }

  private static func checkHosts(_ request: Comparison.Request, hosts: [HostIdentity]) throws -> [String] {
    guard hosts.count < 2, let host = hosts.first else {
      let way = request.isPaired ? "of the same repetition" : "in the order of the host's boots"
      return [
        "\(hosts.count) HOSTS, a block each: each pair is two boots of one host, \(way), so that what differs between hosts "
          + "cancels: \(hosts.map(\.summary).joined(separator: "; "))"
      ]
    }
    for boot in request.bootsA + request.bootsB where boot.host != host {
      let differences = host.differences(from: boot.host).joined(separator: "; ")
      guard request.isForced else {
        throw BenchFailure(
          "\(boot.location): the hosts differ: \(differences). Results of different hosts are compared only in pairs on each "
            + "host, for which A and B need boots of the same hosts; --force does it nonetheless",
          exitCode: .dataError)
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
      + (common.isEmpty
        ? "--ignore \(varying.first ?? "COLUMN") compares across a column"
        : "A lacks it, or its boots left no row: compare files of the same scenario")
  }
}
