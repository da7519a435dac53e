import Foundation
import Testing

/// What SciPy makes of fixed data sets: `Reference/scipy.json`, which scripts/lib/oracle/statistics-reference prints.
struct SciPyReference: Decodable {
  struct Test: Decodable {
    let statistic: Double
    let normal: Double?
    let exact: Double?
  }

  struct Case: Decodable, CustomTestStringConvertible, Sendable {
    let name: String
    let first: [Double]
    let second: [Double]
    let shift: Double
    let location: Double?
    let mannWhitney: Test
    let wilcoxon: Test?
    let ranks: [Double]
    let deviation: Double
    let shiftInterval: [Double]?
    let locationInterval: [Double]?

    var testDescription: String { name }

    /// B less A, pair by pair; nil where the samples are no pairs.
    var differences: [Double]? { location == nil ? nil : zip(first, second).map { $1 - $0 } }
  }

  struct Normal: Decodable {
    let z: Double
    let cumulative: Double
    let twoSided: Double
  }

  struct Quantile: Decodable {
    let probability: Double
    let quantile: Double
  }

  struct Family: Decodable {
    let p: [Double]
    let adjusted: [Double]
  }

  struct Sequence: Decodable {
    let differences: [Double]
    let scale: Double
    let significance: Double
    let halfSpentAfter: Double
    let first: Int?
    let spent: Double
  }

  let cases: [Case]
  let normal: [Normal]
  let quantiles: [Quantile]
  let holm: [Family]
  let sequential: [Sequence]

  /// The file of the reference.
  static var file: URL? {
    Bundle.module.url(forResource: "scipy", withExtension: "json", subdirectory: "Reference")
  }

  static func load() throws -> SciPyReference {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(SciPyReference.self, from: Data(contentsOf: #require(file)))
  }
}

extension SciPyReference.Test: Sendable {}

/// Whether two figures are the same but for the last digits.
func isClose(_ value: Double?, _ expected: Double, tolerance: Double = 1e-9) -> Bool {
  guard let value else { return false }
  return abs(value - expected) <= tolerance * max(1, abs(expected))
}
