import ArgumentParser
import Foundation

/// `bench decide`: the verdicts of `bench compare` on pairs of values from standard input, for scripts/replay-decisions.
struct DecideCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decide",
    abstract: "Judges pairs of values from standard input as bench compare judges boots.",
    discussion: """
      A line of input is {"pairs": [[a, b], ...], "metric": "latency_p50_us", "margin": 0.05, "tests": 1, "fixed": 18}; the line of \
      output has the verdict of --confident and that of the first pairs, as many as "fixed" says, at once.
      """,
    shouldDisplay: false)

  private struct Case: Decodable {
    let pairs: [[Double]]
    let metric: Metric
    let margin: Double
    let tests: Int
    let fixed: Int
  }

  private struct Answer: Encodable {
    let sequential: SequentialOutcome
    let fixed: Verdict
  }

  func run() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    var number = 0
    while let line = readLine() {
      number += 1
      let answer: Answer
      do {
        answer = try Self.answer(JSONDecoder().decode(Case.self, from: Data(line.utf8)))
      } catch {
        throw BenchFailure("standard input:\(number): \(error)", exitCode: .dataError)
      }
      try StandardOutput.writeLine(String(decoding: try encoder.encode(answer), as: UTF8.self))
    }
  }

  private static func answer(_ input: Case) throws -> Answer {
    guard input.pairs.allSatisfy({ $0.count == 2 }), SequentialDesign.margins.contains(input.margin) else {
      throw BenchFailure(
        "each pair needs two values, and the margin must be in \(SequentialDesign.margins)",
        exitCode: .dataError)
    }
    let pairs = input.pairs.map { SampleSet.Pair(first: $0[0], second: $0[1]) }
    let design = SequentialDesign(margin: input.margin, testCount: input.tests)
    var fixed = MetricComparison(
      configuration: "", metric: input.metric, samples: .paired(Array(pairs.prefix(max(0, input.fixed)))),
      floor: NoiseFloor(defaultOf: input.metric))
    if let pValue = fixed?.pValue, let smallest = fixed?.smallestPValue {
      fixed?.judge(adjustedPValue: pValue, smallestAdjustedPValue: smallest)
    }
    return Answer(
      sequential: design.outcome(pairs, metric: input.metric), fixed: fixed?.verdict ?? .inconclusive)
  }
}
