import Foundation
import Testing

@testable import Bench

#if canImport(Glibc)
  import Glibc
#endif

struct InterruptionWatchTests {
  /// What the watch says before and after a signal, on a thread of its own: a pending signal is the thread's.
  private func codes(signal: Int32) async -> [BenchFailure.Code?] {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        let watch = InterruptionWatch()
        let before = watch.exitCode
        pthread_kill(pthread_self(), signal)
        let after = watch.exitCode
        // Taken off again, so that it ends nothing but this test.
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, signal)
        var taken: Int32 = 0
        unsafe sigwait(&signals, &taken)
        continuation.resume(returning: [before, after, watch.exitCode])
      }
    }
  }

  @Test("Ctrl-C is seen, and ends with 130")
  func interrupt() async {
    #expect(await codes(signal: SIGINT) == [nil, .interrupted, nil])
  }

  @Test("SIGTERM is seen, and ends with 143")
  func terminate() async {
    #expect(await codes(signal: SIGTERM) == [nil, .terminated, nil])
  }
}
