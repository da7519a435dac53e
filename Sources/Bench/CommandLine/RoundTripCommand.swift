import ArgumentParser
import Foundation

/// `bench round-trip`: how fast two threads of this machine can exchange a cache line.
struct RoundTripCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "round-trip",
    abstract: "Measures the round trip of a cache line between two native threads.",
    discussion: "No request over shared memory can be answered faster, whatever the data path.")

  @Option(
    help: ArgumentHelp("The two CPUs: 0,1. Default: the first two that may be used.", valueName: "list"))
  var cpus: CPUList?

  @Option(help: "Length of one measurement.")
  var runtime = TimeSpan.milliseconds(500)

  @Option(name: .customLong("repeat"), help: "Measurements.")
  var repetitionCount = 5

  func validate() throws {
    if let cpus, cpus.cpus.count != 2 { throw ValidationError("--cpus must name two CPUs") }
    guard runtime.nanoseconds > 0 else { throw ValidationError("--runtime must be more than 0") }
    guard (1...1000).contains(repetitionCount) else {
      throw ValidationError("--repeat must be between 1 and 1000, and is \(repetitionCount)")
    }
  }

  func run() throws {
    var samples: [Double] = []
    for _ in 0..<repetitionCount {
      samples.append(
        try RoundTripMeasurement.measure(cpus: cpus?.cpus, duration: runtime).nanoseconds)
    }
    guard let spread = Spread(samples) else { return }
    try StandardOutput.writeLine(
      String(
        format: "round trip of a cache line between two native threads: %.1f ns (median of %d, %.1f..%.1f)",
        spread.median, repetitionCount, spread.minimum, spread.maximum))
  }
}
