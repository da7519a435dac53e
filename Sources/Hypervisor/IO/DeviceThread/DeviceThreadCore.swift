import Glibc
import HostSystem
import Synchronization
import SystemPackage

/// The loop of a device thread, and the state that it shares with other threads.
final class DeviceThreadCore: Sendable {
  private struct Watch {
    let token: UInt64
    let handler: any DescriptorHandler
  }

  /// A call of another thread, which waits until it is done.
  private struct WorkItem {
    let body: @Sendable () -> Void
    let isDone: Done
  }

  private final class Done: Sendable {
    let flag = Atomic<Bool>(false)
  }

  private struct State {
    var watches: [Int32: Watch] = [:]
    var descriptors: [UInt64: Int32] = [:]
    var nextToken: UInt64 = 1
    var workItems: [WorkItem] = []
    var shouldEnd = false
    var hasEnded = false
  }

  private static let wakeToken: UInt64 = 0

  private let poll: EventPoll
  private let wake: EventDescriptor
  private let state = Mutex(State())
  /// pthread_self of the thread once it runs.
  private let threadID = Atomic<UInt>(0)

  init() throws(Errno) {
    poll = try EventPoll()
    wake = try EventDescriptor()
    try poll.add(descriptor: wake.rawValue, token: Self.wakeToken)
  }

  var isCurrent: Bool { threadID.load(ordering: .acquiring) == UInt(pthread_self()) }

  func add(
    _ handler: any DescriptorHandler, descriptor: Int32, interest: DescriptorInterest
  ) throws(Errno) {
    try state.withLock { (state) throws(Errno) in
      // Tokens are never reused, so that a late event of an earlier watch finds no handler.
      let token = state.nextToken
      try poll.add(descriptor: descriptor, token: token, interest: interest)
      state.nextToken += 1
      // The descriptor's number may belong to a watch whose descriptor was closed without being removed.
      if let old = state.watches[descriptor] { state.descriptors[old.token] = nil }
      state.watches[descriptor] = Watch(token: token, handler: handler)
      state.descriptors[token] = descriptor
    }
  }

  func change(descriptor: Int32, interest: DescriptorInterest) throws(Errno) {
    try state.withLock { (state) throws(Errno) in
      guard let watch = state.watches[descriptor] else { throw .noSuchFileOrDirectory }
      try poll.change(descriptor: descriptor, token: watch.token, interest: interest)
    }
  }

  func remove(descriptor: Int32) {
    // Released outside of the lock, because the handler may hold the last reference to this thread.
    _ = state.withLock { state -> Watch? in
      guard let watch = state.watches.removeValue(forKey: descriptor) else { return nil }
      state.descriptors[watch.token] = nil
      // Fails if the descriptor was closed too early, in which case the kernel has removed the watch.
      try? poll.remove(descriptor: descriptor)
      return watch
    }
  }

  func run(_ body: @escaping @Sendable () -> Void) {
    guard !isCurrent else { return body() }
    let done = Done()
    let isPosted = state.withLock { state in
      if !state.hasEnded { state.workItems.append(WorkItem(body: body, isDone: done)) }
      return !state.hasEnded
    }
    guard isPosted else { return body() }
    wake.signal()
    // Pairs with the releasing store in ``runWorkItems()``.
    HostClock.sleep(until: { done.flag.load(ordering: .acquiring) })
  }

  func requestEnd() {
    state.withLock { $0.shouldEnd = true }
    wake.signal()
  }

  func serve() {
    threadID.store(UInt(pthread_self()), ordering: .releasing)
    var events = EventBuffer(capacity: 32)
    while !state.withLock({ $0.shouldEnd }) {
      do {
        try poll.wait(timeoutMilliseconds: -1, into: &events)
      } catch {
        preconditionFailure("epoll_wait fails for wrong arguments alone: \(error)")
      }
      for index in 0..<events.count {
        let token = events[index]
        if token == Self.wakeToken {
          wake.drain()
          runWorkItems()
        } else {
          call(token)
        }
      }
    }
    let left = state.withLock { state in
      state.hasEnded = true
      defer { state.workItems = [] }
      return state.workItems
    }
    finish(left)
    // Released outside of the lock, because handlers may hold the last reference to this thread.
    var watches: [Int32: Watch] = [:]
    state.withLock { swap(&watches, &$0.watches) }
  }

  private func call(_ token: UInt64) {
    let target = state.withLock { state in
      state.descriptors[token].flatMap { descriptor in
        state.watches[descriptor].map { (descriptor, $0.handler) }
      }
    }
    if let (descriptor, handler) = target { handler.descriptorIsReady(descriptor) }
  }

  private func runWorkItems() {
    let workItems = state.withLock { state in
      defer { state.workItems = [] }
      return state.workItems
    }
    finish(workItems)
  }

  private func finish(_ workItems: [WorkItem]) {
    for workItem in workItems {
      workItem.body()
      workItem.isDone.flag.store(true, ordering: .releasing)
    }
  }
}
