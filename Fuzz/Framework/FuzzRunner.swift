import Glibc
import HostSystem

/// Runs inputs one after the other, each recorded first.
struct FuzzRunner {
  /// An input that takes longer than this ends the process, by SIGALRM.
  private static let secondsPerInput: UInt32 = 30

  let seed: UInt64
  let artifacts: String

  /// Runs inputs of the seed's sequence on `name` for `seconds`.
  func run(_ name: TargetName, seconds: Double) throws {
    let directory = try ScratchDirectory(parent: artifacts, name: name.rawValue)
    let record = try InputRecord(path: "\(artifacts)/\(name.rawValue)-\(getpid()).input")
    print("fuzz \(name.rawValue): seed \(seed); the input under way is in \(record.path)")
    // Or the line is lost with the process.
    _ = fflush(nil)
    let target = try name.makeTarget(directory: directory)
    var generator = InputGenerator(seed: seed)
    let end = HostClock.monotonicNanoseconds() + UInt64(seconds * 1e9)
    var count = 0
    while HostClock.monotonicNanoseconds() < end {
      let bytes = generator.next()
      try record.write(bytes)
      do { try runOne(target, bytes) } catch {
        throw FuzzFailure(
          "\(name.rawValue), input \(count) of seed \(seed): \(error)\n"
            + "run it again: fuzz \(name.rawValue) --replay \(record.path)")
      }
      count += 1
    }
    record.remove()
    print("fuzz \(name.rawValue): \(count) inputs, no failure")
  }

  /// Runs one input.
  func replay(_ name: TargetName, _ bytes: [UInt8]) throws {
    let directory = try ScratchDirectory(parent: artifacts, name: name.rawValue)
    try runOne(try name.makeTarget(directory: directory), bytes)
    print("fuzz \(name.rawValue): \(bytes.count) bytes, no failure")
  }

  private func runOne(_ target: any FuzzTarget, _ bytes: [UInt8]) throws {
    alarm(Self.secondsPerInput)
    defer { alarm(0) }
    var input = FuzzInput(bytes)
    try target.run(&input)
  }
}
