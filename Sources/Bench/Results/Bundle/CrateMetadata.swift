import Foundation
import HostSystem

/// The metadata of a bundle: an RO-Crate 1.1 (https://w3id.org/ro/crate/1.1), so that archives and catalogues can read it.
struct CrateMetadata {
  /// Its name in the bundle.
  static let name = "ro-crate-metadata.json"

  let title: String
  let description: String
  /// When the measurements began, as ISO 8601.
  let startedAt: String
  /// The revisions of bench that measured.
  let revisions: [String]
  /// The hosts that it ran on.
  let hosts: [String]
  /// The license of the data, as an address; nil: nobody chose one.
  let license: String?
  /// Path and size of each file.
  let files: [(name: String, byteCount: Int)]

  /// The file.
  func encoded() throws -> Data {
    var root: [String: Any] = [
      "@id": "./", "@type": "Dataset", "name": title, "description": description,
      "datePublished": startedAt, "hasPart": files.map { ["@id": $0.name] },
      "mentions": [["@id": "#run"]],
    ]
    if let license { root["license"] = ["@id": license] }
    var graph: [[String: Any]] = [
      [
        "@id": Self.name, "@type": "CreativeWork", "about": ["@id": "./"],
        "conformsTo": ["@id": "https://w3id.org/ro/crate/1.1"],
      ], root,
    ]
    if let license { graph.append(["@id": license, "@type": "CreativeWork", "name": "license"]) }
    graph += [
      [
        "@id": "#bench", "@type": "SoftwareApplication", "name": "bench",
        "softwareVersion": ([ProjectVersion.text] + revisions).joined(separator: ", "),
      ],
      [
        "@id": "#run", "@type": "CreateAction", "name": "measurement", "instrument": ["@id": "#bench"],
        "startTime": startedAt,
        "result": files.filter { $0.name.hasPrefix("records/") }.map { ["@id": $0.name] },
        "location": hosts.joined(separator: "; "),
      ],
    ]
    graph += files.map { file in
      [
        "@id": file.name, "@type": "File", "name": (file.name as NSString).lastPathComponent,
        "contentSize": String(file.byteCount), "encodingFormat": Self.format(of: file.name),
        "description": Self.description(of: file.name),
      ]
    }
    let document: [String: Any] = ["@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph]
    return try JSONSerialization.data(
      withJSONObject: document, options: [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
      + Data("\n".utf8)
  }

  private static func format(of name: String) -> String {
    switch (name as NSString).pathExtension {
    case "csv": "text/csv"
    case "json": "application/json"
    case "html": "text/html"
    case "md": "text/markdown"
    default: "text/plain"
    }
  }

  private static func description(of name: String) -> String {
    switch name {
    case "records/plan.json": return "Scenario: every cell, its arguments, and the order of the boots"
    case "bundle.json": return "What verdicts depend on besides the rows"
    case "report.html": return "Report with figures"
    case _ where name.hasSuffix("verdicts.md"): return "Verdicts of bench compare"
    case _ where name.hasSuffix("host.md"): return "Description of the host"
    case _ where name.hasSuffix("results.md"): return "Table of results"
    case _ where name.hasSuffix(".dat"): return "Data of a figure"
    case _ where name.hasSuffix(".gp"): return "gnuplot script of a figure"
    case _ where name.hasSuffix(".csv"):
      return "Rows, a boot's guest each; results/SCHEMA.md defines the columns"
    case _ where name.hasSuffix(".json"): return "Record of a run: host, revision, command line, histograms"
    case _ where name.hasSuffix(".log"): return "What a failed boot printed"
    default: return "File of the bundle"
    }
  }
}
