import Glibc
import HostSystem
import Hypervisor
import Synchronization
import SystemPackage
import Testing

/// The thread that serves slow devices.
@Suite struct DeviceThreadTests {
  /// Counts its calls, and does what a test wants done in each.
  private final class Handler: DescriptorHandler {
    private let count = Atomic<Int>(0)
    private let body: @Sendable (Int32) -> Void

    init(_ body: @escaping @Sendable (Int32) -> Void) { self.body = body }

    var callCount: Int { count.load(ordering: .acquiring) }

    func descriptorIsReady(_ descriptor: Int32) {
      body(descriptor)
      count.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }
  }

  /// An eventfd that closures may hold.
  private final class Event: Sendable {
    let descriptor: EventDescriptor

    init() throws { descriptor = try EventDescriptor() }

    var number: Int32 { descriptor.rawValue }
  }

  @Test func `a handler is called for its descriptor while that is ready`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let event = try Event()
    let handler = Handler { _ in event.descriptor.drain() }
    try thread.add(handler, descriptor: event.number)
    for count in 1...3 {
      event.descriptor.signal()
      #expect(eventually { handler.callCount == count })
    }
  }

  @Test func `a descriptor is watched once, and a regular file not at all`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let event = try Event()
    let handler = Handler { _ in }
    try thread.add(handler, descriptor: event.number)
    #expect(throws: Errno.fileExists) { try thread.add(handler, descriptor: event.number) }
    let file = try OwnedDescriptor.open("/proc/self/exe", flags: O_RDONLY)
    #expect(throws: Errno.notPermitted) { try thread.add(handler, descriptor: file.rawValue) }
    #expect(throws: Errno.noSuchFileOrDirectory) { try thread.change(descriptor: 0, interest: .writable) }
  }

  @Test func `the interest of a watched descriptor can be changed`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let event = try Event()
    let handler = Handler { descriptor in
      // An eventfd has room to count at any time.
      try? thread.change(descriptor: descriptor, interest: .readable)
    }
    try thread.add(handler, descriptor: event.number)
    thread.run {}
    #expect(handler.callCount == 0)
    try thread.change(descriptor: event.number, interest: .writable)
    #expect(eventually { handler.callCount == 1 })
    thread.remove(descriptor: event.number)
  }

  @Test func `a handler is not called after it was removed`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let event = try Event()
    let handler = Handler { _ in }
    try thread.add(handler, descriptor: event.number)
    event.descriptor.signal()
    #expect(eventually { handler.callCount > 0 })
    thread.remove(descriptor: event.number)
    let count = handler.callCount
    for _ in 0..<3 { thread.run {} }
    #expect(handler.callCount == count)
    thread.remove(descriptor: event.number)
    try thread.add(handler, descriptor: event.number)
    #expect(eventually { handler.callCount > count })
  }

  @Test func `a handler removes itself and another that is ready as well`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let events = try [Event(), Event()]
    // Whichever comes first removes both.
    let handler = Handler { _ in
      for event in events { thread.remove(descriptor: event.number) }
    }
    thread.run {
      for event in events {
        event.descriptor.signal()
        try? thread.add(handler, descriptor: event.number)
      }
    }
    #expect(eventually { handler.callCount == 1 })
    for _ in 0..<3 { thread.run {} }
    #expect(handler.callCount == 1)
  }

  @Test func `work items run in order on the thread, and at once if the thread itself adds them`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let order = Mutex<[Int]>([])
    let caller = pthread_self()
    let isElsewhere = TerminalFlag()
    thread.run {
      if pthread_self() != caller { isElsewhere.set() }
      order.withLock { $0.append(1) }
      thread.run { order.withLock { $0.append(2) } }
      order.withLock { $0.append(3) }
    }
    #expect(isElsewhere.isSet)
    #expect(order.withLock { $0 } == [1, 2, 3])
  }

  @Test func `a handler may run work items`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let event = try Event()
    let hasRun = TerminalFlag()
    let handler = Handler { _ in
      event.descriptor.drain()
      thread.run { hasRun.set() }
    }
    try thread.add(handler, descriptor: event.number)
    event.descriptor.signal()
    #expect(eventually { handler.callCount == 1 })
    #expect(hasRun.isSet)
  }

  @Test func `work items that come while it stops are all done`() async throws {
    let thread = try DeviceThread(name: "test")
    let count = CallCount()
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<4 {
        group.addTask {
          for _ in 0..<200 { thread.run { count.add() } }
          if index == 0 { thread.stop() }
          for _ in 0..<200 { thread.run { count.add() } }
        }
      }
    }
    #expect(count.value == 1600)
    thread.stop()
  }

  @Test func `a handler may stop the thread, and none is called afterwards`() throws {
    let thread = try DeviceThread(name: "test")
    let events = try [Event(), Event()]
    let handler = Handler { _ in thread.stop() }
    try thread.add(handler, descriptor: events[0].number)
    events[0].descriptor.signal()
    #expect(eventually { handler.callCount > 0 })
    thread.stop()
    let count = handler.callCount
    let late = Handler { _ in }
    try thread.add(late, descriptor: events[1].number)
    events[1].descriptor.signal()
    thread.run {}
    #expect(handler.callCount == count)
    #expect(late.callCount == 0)
  }

  @Test func `a descriptor that was closed too early leaves the thread alive, and its number free`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let stale = Handler { _ in }
    let number = try closeWhileWatched(thread, stale)
    // The kernel gives the lowest free number.
    let fresh = try OwnedDescriptor(adopting: duplicate(number))
    let handler = Handler { thread.remove(descriptor: $0) }
    try thread.add(handler, descriptor: fresh.rawValue, interest: .writable)
    #expect(eventually { handler.callCount == 1 })
    #expect(stale.callCount == 0)
    thread.remove(descriptor: fresh.rawValue)
    thread.run {}
  }

  private func closeWhileWatched(_ thread: DeviceThread, _ handler: Handler) throws -> Int32 {
    let event = try Event()
    try thread.add(handler, descriptor: event.number)
    return event.number
  }

  /// An eventfd under the number that was closed.
  private func duplicate(_ number: Int32) throws -> Int32 {
    let event = try EventDescriptor()
    // Other tests open descriptors meanwhile: at least the number.
    return fcntl(event.rawValue, F_DUPFD_CLOEXEC, number)
  }

  private final class CallCount: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .acquiring) }

    func add() { count.wrappingAdd(1, ordering: .acquiringAndReleasing) }
  }
}
