import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing

@Suite struct DescriptorTests {
  @Test("a missing file is reported as such")
  func missingFile() {
    #expect(throws: Errno.noSuchFileOrDirectory) {
      _ = try OwnedDescriptor.open("/nonexistent/file", flags: O_RDONLY)
    }
  }

  @Test("descriptors are closed on exec, and when their owner goes away")
  func ownership() throws {
    let number: Int32
    do {
      let descriptor = try OwnedDescriptor.open("/dev/null", flags: O_RDONLY)
      number = descriptor.rawValue
      #expect(fcntl(number, F_GETFD) == FD_CLOEXEC)
    }
    // Another thread of the test process may have got the number by now, but not for /dev/null read-only.
    #expect(!isOpen(number, on: "/dev/null"))
  }

  @Test("a released descriptor stays open and a closed one does not")
  func releaseAndClose() throws {
    let number = try OwnedDescriptor.open("/dev/zero", flags: O_RDONLY).release()
    #expect(isOpen(number, on: "/dev/zero"))
    try OwnedDescriptor(adopting: number).close()
    #expect(!isOpen(number, on: "/dev/zero"))
    #expect(throws: Errno.badFileDescriptor) { try OwnedDescriptor(adopting: -1).close() }
  }

  @Test("an eventfd counts signals until it is drained")
  func eventDescriptor() throws {
    let event = try EventDescriptor()
    #expect(event.drain() == 0)
    event.signal()
    event.signal()
    #expect(event.drain() == 2)
    #expect(event.drain() == 0)
  }

  @Test("an eventfd of another process is signalled and drained without ever blocking")
  func foreignEventDescriptor() throws {
    let signaller = try EventSignaller()
    let event = try EventDescriptor()
    let foreign = try ForeignEventDescriptor(
      checking: OwnedDescriptor(adopting: fcntl(event.rawValue, F_DUPFD_CLOEXEC, 0)), by: signaller)
    let (wasSignalled, count) = (event.isSignalled, event.drain())
    #expect(wasSignalled && count == 1, "the check signals once")
    var most = UInt64.max - 1
    #expect(unsafe write(event.rawValue, &most, 8) == 8)
    #expect(fcntl(event.rawValue, F_SETFL, 0) == 0)
    for _ in 0..<3 { try signaller.signal(foreign.rawValue) }
    foreign.drain()
    let isSignalledThen = event.isSignalled
    #expect(!isSignalledThen)
    foreign.drain()
    try signaller.signal(foreign.rawValue)
    let isSignalledAgain = event.isSignalled
    #expect(isSignalledAgain)
    #expect(throws: Errno.invalidArgument) {
      _ = try ForeignEventDescriptor(
        checking: OwnedDescriptor.open("/dev/null", flags: O_RDWR), by: signaller
      ).rawValue
    }
  }

  @Test("a poll delivers the tokens of readable descriptors only")
  func eventPoll() throws {
    let first = try EventDescriptor()
    let second = try EventDescriptor()
    let poll = try EventPoll()
    var buffer = EventBuffer(capacity: 4)
    try poll.add(descriptor: first.rawValue, token: 0x1111_2222_3333_4444)
    try poll.add(descriptor: second.rawValue, token: .max)
    #expect(try poll.wait(timeoutMilliseconds: 0, into: &buffer) == 0)

    second.signal()
    #expect(try poll.wait(timeoutMilliseconds: -1, into: &buffer) == 1)
    #expect(buffer[0] == .max)

    first.signal()
    #expect(try poll.wait(timeoutMilliseconds: -1, into: &buffer) == 2)
    #expect(Set([buffer[0], buffer[1]]) == [0x1111_2222_3333_4444, .max])

    try poll.remove(descriptor: second.rawValue)
    first.drain()
    #expect(try poll.wait(timeoutMilliseconds: 0, into: &buffer) == 0)
    #expect(throws: Errno.noSuchFileOrDirectory) { try poll.remove(descriptor: second.rawValue) }
  }

  @Test("a poll wakes up for a signal of another thread")
  func wakeUp() throws {
    let event = try EventDescriptor()
    let poll = try EventPoll()
    try poll.add(descriptor: event.rawValue, token: 7)
    let number = event.rawValue
    let thread = try HostThread(name: "waker", cpus: nil) {
      HostClock.sleep(nanoseconds: 20_000_000)
      _ = linux_eventfd_add(number, 1)
    }
    var buffer = EventBuffer(capacity: 1)
    var count = 0
    let end = HostClock.monotonicNanoseconds() + 10_000_000_000
    // A signal to the process, such as that of another test's child, ends a wait without an event.
    while count == 0, HostClock.monotonicNanoseconds() < end {
      count = try poll.wait(timeoutMilliseconds: 10_000, into: &buffer)
    }
    thread.join()
    #expect(count == 1)
    #expect(event.drain() == 1)
  }

  @Test("a blocked signal is read from its descriptor")
  func signalDescriptor() throws {
    let number = SIGUSR1
    // On a thread of its own, whose mask nobody else inherits.
    let outcome = try runOnThread { () throws -> [Int32?] in
      let signals = try SignalDescriptor([number])
      let before = signals.read()
      pthread_kill(pthread_self(), number)
      return [before, signals.read(), signals.read()]
    }
    #expect(outcome == [nil, number, nil])
    #expect(throws: Errno.invalidArgument) { _ = try SignalDescriptor([0]) }
    #expect(throws: Errno.invalidArgument) { _ = try SignalDescriptor([65]) }
  }

  private func isOpen(_ number: Int32, on path: String) -> Bool {
    var here = stat()
    var there = stat()
    guard unsafe fstat(number, &here) == 0, unsafe stat(path, &there) == 0 else { return false }
    return here.st_rdev == there.st_rdev && fcntl(number, F_GETFL) & O_ACCMODE == O_RDONLY
  }
}
