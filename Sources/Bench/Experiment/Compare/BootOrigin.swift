/// What most boots of a file have in common. It is a class, so that 100,000 boots need one of it.
final class BootOrigin: Sendable {
  let host: HostIdentity
  /// The revision of bench's source, with `-dirty` behind it where files differed from it.
  let revision: String
  /// The file of the rows.
  let file: String
  /// The metrics whose values the boots have.
  let metrics: [Metric]

  init(host: HostIdentity, revision: String, file: String, metrics: [Metric]) {
    self.host = host
    self.revision = revision
    self.file = file
    self.metrics = metrics
  }
}

extension BootOrigin: Hashable {
  static func == (left: BootOrigin, right: BootOrigin) -> Bool {
    left.host == right.host && left.revision == right.revision && left.file == right.file
      && left.metrics == right.metrics
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(host)
    hasher.combine(revision)
    hasher.combine(file)
  }
}
