import HostSystem
import Synchronization
import Testing

@Suite struct ThreadLockTests {
  @Test("readers have a lock together")
  func readers() throws {
    let lock = ThreadLock()
    lock.lockShared()
    #expect(try runOnThread(name: "reader") { lock.shared { 5 } } == 5)
    lock.unlock()
    #expect(lock.exclusively { 6 } == 6)
  }

  @Test("a writer waits until the reader has released the lock")
  func writer() throws {
    let lock = ThreadLock()
    let isReleased = Atomic<Bool>(false)
    let sawRelease = Atomic<Bool>(false)
    lock.lockShared()
    let thread = try HostThread(name: "writer", cpus: nil) {
      lock.lockExclusively()
      sawRelease.store(isReleased.load(ordering: .relaxed), ordering: .relaxed)
      lock.unlock()
    }
    HostClock.sleep(nanoseconds: 20_000_000)
    isReleased.store(true, ordering: .relaxed)
    lock.unlock()
    thread.join()
    let hasWaited = sawRelease.load(ordering: .relaxed)
    #expect(hasWaited)
  }

  @Test("a thread waits until another one has changed the value of a monitor")
  func monitor() throws {
    let monitor = Monitor(0)
    let thread = try HostThread(name: "waits", cpus: nil) {
      let seen = monitor.withLock(waitingWhile: { $0 < 3 }) { value in
        value += 10
        return value
      }
      monitor.withLock { $0 = seen * 2 }
      monitor.wakeAll()
    }
    for _ in 0..<3 {
      monitor.withLock { $0 += 1 }
      monitor.wakeOne()
    }
    #expect(monitor.withLock(waitingWhile: { $0 != 26 }) { $0 } == 26)
    thread.join()
  }
}
