import Foundation

/// What tells one host from another, what usually matters first: an answer to "why do my numbers differ".
struct HostDifferences: Codable, Equatable, Sendable {
  /// A value of the record's `host` that differs.
  struct Difference: Codable, Equatable, Sendable {
    /// The place of its group, from 1.
    let rank: Int
    /// What the values are about.
    let group: String
    /// Where it stands in the record: `processor.governors[0]`.
    let key: String
    /// A's value; nil where its record has none.
    let a: String?
    /// B's value.
    let b: String?
  }

  let titleA: String
  let titleB: String
  /// The differences, by rank and key.
  let differences: [Difference]
  /// How many values both records have and agree in.
  let agreeingCount: Int

  enum CodingKeys: String, CodingKey {
    case differences
    case titleA = "a"
    case titleB = "b"
    case agreeingCount = "agreeing"
  }

  /// Compares `hostA` with `hostB`.
  init(titleA: String, hostA: HostDescription, titleB: String, hostB: HostDescription) throws {
    self.titleA = titleA
    self.titleB = titleB
    let a = Dictionary(try HostTable.flat(hostA)) { first, _ in first }
    let b = Dictionary(try HostTable.flat(hostB)) { first, _ in first }
    let keys = Set(a.keys).union(b.keys)
    agreeingCount = keys.count { a[$0] == b[$0] }
    differences = keys.filter { a[$0] != b[$0] }.map { key in
      let group = HostFactGroup.group(of: key)
      return Difference(
        rank: group.rank, group: HostFactGroup.all[group.rank - 1].title, key: key, a: a[key], b: b[key])
    }.sorted { ($0.rank, $0.key) < ($1.rank, $1.key) }
  }

  /// The host in the file at `path`: a record of a run, what `bench doctor --format json` printed, or a folder of a run, whose first
  /// record counts.
  ///
  /// - Throws: ``BenchFailure`` if there is none.
  static func host(at path: String) throws -> HostDescription {
    guard let isDirectory = FileManager.default.isDirectory(atPath: path) else {
      throw BenchFailure("\(path) does not exist", exitCode: .noInput)
    }
    guard isDirectory else { return try host(inFile: path) }
    for folder in [path, "\(path)/boots"] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      for name in names.sorted() where name.hasSuffix(".json") && name != "plan.json" {
        return try host(inFile: "\(folder)/\(name)")
      }
    }
    throw BenchFailure("\(path) holds no record of bench: a JSON file beside the rows", exitCode: .noInput)
  }

  private static func host(inFile path: String) throws -> HostDescription {
    struct Record: Decodable {
      let host: HostDescription
    }
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw BenchFailure("cannot read \(path): \(error.plainWords)", exitCode: .noInput)
    }
    do {
      return try JSONDecoder().decode(Record.self, from: data).host
    } catch DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty {
      throw BenchFailure("\(path) is not JSON, or is cut off", exitCode: .dataError)
    } catch DecodingError.keyNotFound(let key, let context)
      where context.codingPath.isEmpty && key.stringValue == "host"
    {
      throw BenchFailure(
        "\(path) has no host: it is neither a record of a run nor 'bench doctor --format json'",
        exitCode: .dataError)
    } catch {
      let reason = (error as? DecodingError)?.reason ?? error.plainWords
      throw BenchFailure("\(path): the description of the host is damaged: \(reason)", exitCode: .dataError)
    }
  }
}

extension HostDifferences {
  /// The differences in `format`, ended by a line feed.
  func text(_ format: ReportFormat) throws -> String {
    switch format {
    case .table: plainText()
    case .markdown: markdown()
    case .json: try json()
    }
  }

  private var summary: String {
    differences.isEmpty
      ? "no difference in \(agreeingCount) recorded values"
      : "\(differences.count) recorded values differ, \(agreeingCount) agree"
  }

  private func plainText() -> String {
    var text = "A: \(titleA)\nB: \(titleB)\n"
    for (index, group) in HostFactGroup.all.enumerated() {
      let members = differences.filter { $0.rank == index + 1 }
      guard !members.isEmpty else { continue }
      text += "\n\(group.title): \(group.why)\n"
      for difference in members {
        text +=
          "  \(difference.key)\n    A: \(difference.a ?? "not recorded")\n    B: \(difference.b ?? "not recorded")\n"
      }
    }
    return text + "\n\(summary)\n"
  }

  private func markdown() -> String {
    var table = ReportTable(headings: [
      .init(title: "what"), .init(title: "key"), .init(title: "A"), .init(title: "B"),
    ])
    table.lines = differences.map { [$0.group, $0.key, $0.a ?? "not recorded", $0.b ?? "not recorded"] }
    return "A: \(titleA)  \nB: \(titleB)\n\n" + table.markdown() + "\n\(summary)\n"
  }

  private func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }
}
