import Glibc
import HostSystem
import Synchronization

/// How much is run, and how.
struct CrashSettings: Sendable {
  var firstSeed: UInt64 = 1
  var workloadCount = 10
  /// Subsets of requests, of one workload.
  var subsetLimit = 1000
  /// States of one workload in which single blocks of requests are missing.
  var blockStateCount = 20
  /// The replay is cut short in one state of this number; 0 for none.
  var replayInterval = 50
  var threadCount = 1
  /// e2fsck processes at a time, for each thread.
  var fsckCount = 2
  /// e2fsck also replays one state of this number; 0 for none.
  var oracleInterval = 1000
  /// The kernel also replays one of this number of these; 0 for none.
  var kernelInterval = 100
  var keepsImages = false
  /// No further workload after one with an exception.
  var endsAtException = false
  var usesJournal = true
  var defect = CrashDefect.none
  var kinds: [CrashImage.Kind] = CrashImage.Kind.allCases.filter(\.hasJournal)

  /// A number from the environment.
  static func number(_ name: String) -> Int? { text(name).flatMap { Int($0) } }

  /// A word from the environment.
  static func text(_ name: String) -> String? {
    guard let text = unsafe getenv(name) else { return nil }
    return unsafe String(cString: text)
  }

  /// Runs all workloads.
  func run() throws -> CrashReport {
    let images = try kinds.map { try CrashImage($0) }
    let next = Atomic<Int>(0)
    let total = Mutex(CrashReport())
    let failure = Mutex<String?>(nil)
    @Sendable func work() {
      let checker = CrashChecker(self)
      do {
        while true {
          let number = next.add(1, ordering: .relaxed).oldValue
          guard number < workloadCount, failure.withLock({ $0 == nil }) else { break }
          // A seed alone names a workload, so the kind follows from it.
          let seed = firstSeed &+ UInt64(number)
          try checker.check(seed: seed, image: images[Int(seed % UInt64(images.count))])
          if endsAtException, checker.report.exceptionCount > 0 { break }
        }
      } catch {
        failure.withLock { $0 = "\(error)" }
      }
      total.withLock { $0.add(checker.report) }
    }
    if threadCount == 1 {
      work()
    } else {
      let threads = try (0..<threadCount).map { _ in try HostThread(name: "crash", cpus: nil, work) }
      for thread in threads { thread.join() }
    }
    if let problem = failure.withLock({ $0 }) { throw CrashFailure(problem) }
    return total.withLock { $0 }
  }
}
