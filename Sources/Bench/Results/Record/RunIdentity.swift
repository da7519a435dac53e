import Foundation

/// What tells one run from all others.
struct RunIdentity: Equatable, Sendable {
  /// A random UUID, in lower case.
  let runID: String
  /// When it began.
  let start: Date
  /// The revision of bench's own source.
  let revision: SourceRevision

  /// The identity of a run of `revision` that begins now.
  static func new(revision: SourceRevision) -> RunIdentity {
    RunIdentity(runID: UUID().uuidString.lowercased(), start: Date(), revision: revision)
  }

  /// ``start`` in UTC, as ISO 8601 writes it: `2026-01-31T12:34:56Z`.
  var startedAt: String { Self.timestamp(start) }

  /// The stem of the run's files where the user gave none: `20260131T123456Z-0640885`.
  var fileStem: String {
    let time = startedAt.filter { $0 != "-" && $0 != ":" }
    return "\(time)-\(revision.name.prefix(12))" + (revision.isDirty == true ? "-dirty" : "")
  }

  /// `date` in UTC, to the second.
  static func timestamp(_ date: Date) -> String {
    date.formatted(.iso8601)
  }
}
