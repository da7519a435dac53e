/// A driver and a device that sleep and wake each other (docs/vext-protocol.md §8.1), step by step, on a processor whose stores
/// wait in a buffer until they reach memory (x86-TSO).
///
/// ``lostWakeUp()`` visits every state that any interleaving of the steps reaches. Both sides run the same program: each takes
/// what the other produced, wakes the other, and may go to sleep whenever it found nothing. The contention word changes at any
/// time.
struct SleepModel {
  /// What a side leaves out or does wrong.
  struct Flaws: OptionSet {
    let rawValue: Int
    /// The sleeper makes no fence between its word and its last poll.
    static let noSleeperFence = Flaws(rawValue: 1 << 0)
    /// The waker makes no fence between its entry and the other's word.
    static let noWakerFence = Flaws(rawValue: 1 << 1)
    /// The waker does not load the other's word again before it waits.
    static let noConfirmation = Flaws(rawValue: 1 << 2)
    /// The sleeper does not poll again before it sleeps.
    static let noLastPoll = Flaws(rawValue: 1 << 3)
    /// The sleeper takes back the signals that it got after it published, not before.
    static let lateTakeBack = Flaws(rawValue: 1 << 4)
    /// The sleeper publishes the same epoch for each of its sleeps.
    static let sameEpoch = Flaws(rawValue: 1 << 5)
    /// On a shared CPU the driver waits for the interrupt without asking for it.
    static let unpublishedOnSharedCPU = Flaws(rawValue: 1 << 6)
  }

  /// What both sides see.
  enum Variable: UInt32 {
    case submissions, completions, deviceWord, driverWord
  }

  /// The next step of a side.
  enum Step: UInt8 {
    case work, poll, produce, note, confirm, check, decide, takeBack, publish, fence, lastPoll, asleep,
      withdraw,
      finished
  }

  struct Side: Hashable {
    var step: Step
    var taken: UInt8 = 0
    var produced: UInt8 = 0
    var epoch: UInt8 = 0
    var wokenEpoch: UInt8 = 0
    var needsCheck = false
    /// Whether the side was signalled since it took its signals back: the doorbell, or the interrupt.
    var isSignalled = false
    /// Stores on their way to memory, the oldest in the lowest byte: a variable and its value, which is not zero.
    var buffer: UInt32 = 0
  }

  struct State: Hashable {
    var memory: UInt32 = 0
    var driver = Side(step: .work)
    var device = Side(step: .poll)
    var isCPUShared = false
  }

  private let flaws: Flaws
  private let requestCount: UInt8
  private let depth: UInt8
  /// Number of states that ``lostWakeUp()`` visited.
  private(set) var stateCount = 0

  init(_ flaws: Flaws = [], requestCount: UInt8 = 2, depth: UInt8 = 2) {
    self.flaws = flaws
    self.requestCount = requestCount
    self.depth = depth
  }

  /// A state in which requests have no answer, nothing is on its way and both sides sleep; nil if there is none.
  mutating func lostWakeUp() -> State? {
    var seen: Set<State> = [State()]
    var open = [State()]
    var next: [State] = []
    while let state = open.popLast() {
      next.removeAll(keepingCapacity: true)
      advance(state, \.driver, isDriver: true, into: &next)
      advance(state, \.device, isDriver: false, into: &next)
      if next.isEmpty && state.driver.step != .finished { return state }
      // Does not count as progress.
      var flipped = state
      flipped.isCPUShared.toggle()
      next.append(flipped)
      for state in next where seen.insert(state).inserted { open.append(state) }
    }
    stateCount = seen.count
    return nil
  }

  /// Adds the states after each step that the side may make now: its own next one, or its oldest store's arrival in memory.
  private func advance(
    _ state: State, _ side: WritableKeyPath<State, Side>, isDriver: Bool, into next: inout [State]
  ) {
    if state[keyPath: side].buffer != 0 {
      var flushed = state
      let store = flushed[keyPath: side].buffer & 0xFF
      flushed[keyPath: side].buffer >>= 8
      flushed.memory = Self.setting(flushed.memory, store >> 4, to: store & 0xF)
      next.append(flushed)
    }
    var state = state
    var own = state[keyPath: side]
    switch own.step {
    case .finished: return
    case .work:
      guard isDriver else {
        own.step = .poll
        break
      }
      // A driver that may submit does so, or polls for what is outstanding.
      if own.produced < requestCount && own.produced - own.taken < depth {
        var submitting = state
        submitting[keyPath: side].step = .produce
        next.append(submitting)
        if own.produced == own.taken { return }
      }
      own.step = own.taken == requestCount ? .finished : .poll
    case .poll:
      if load(isDriver ? .completions : .submissions, own, state.memory) > own.taken {
        own.taken += 1
        own.step = isDriver ? .work : .produce
      } else {
        own.step = .confirm
      }
    case .produce:
      own.produced += 1
      guard store(isDriver ? .submissions : .completions, own.produced, &own) else { return }
      own.step = .note
    case .note:
      own.needsCheck = true
      wakeOther(&own, &state, isDriver)
      own.step = .work
    case .confirm:
      if flaws.contains(.noConfirmation) || !own.needsCheck {
        own.step = .decide
      } else {
        guard own.buffer == 0 || flaws.contains(.noWakerFence) else { return }
        own.needsCheck = false
        own.step = .check
      }
    case .check:
      wakeOther(&own, &state, isDriver)
      own.step = .decide
    case .decide:
      // Goes on polling, or yields on a shared CPU, which is the same here; or sleeps.
      var polling = state
      polling[keyPath: side].step = .work
      next.append(polling)
      own.step = flaws.contains(.lateTakeBack) ? .publish : .takeBack
      if isDriver && state.isCPUShared && flaws.contains(.unpublishedOnSharedCPU) { own.step = .asleep }
    case .takeBack:
      own.isSignalled = false
      own.step = flaws.contains(.lateTakeBack) ? .asleep : .publish
    case .publish:
      own.epoch = flaws.contains(.sameEpoch) ? 1 : own.epoch + 1
      guard store(isDriver ? .driverWord : .deviceWord, own.epoch, &own) else { return }
      own.step = .fence
    case .fence:
      guard own.buffer == 0 || flaws.contains(.noSleeperFence) else { return }
      own.step = .lastPoll
    case .lastPoll:
      let isIdle = load(isDriver ? .completions : .submissions, own, state.memory) == own.taken
      let sleeps: Step = flaws.contains(.lateTakeBack) ? .takeBack : .asleep
      own.step = isIdle || flaws.contains(.noLastPoll) ? sleeps : .withdraw
    case .asleep:
      guard own.isSignalled else { return }
      own.step = .withdraw
    case .withdraw:
      own.epoch = flaws.contains(.sameEpoch) ? 2 : own.epoch + 1
      guard store(isDriver ? .driverWord : .deviceWord, own.epoch, &own) else { return }
      own.step = .work
    }
    state[keyPath: side] = own
    next.append(state)
  }

  /// Loads the other side's word, and signals the other side if it sleeps and was not woken for that.
  private func wakeOther(_ own: inout Side, _ state: inout State, _ isDriver: Bool) {
    let epoch = load(isDriver ? .deviceWord : .driverWord, own, state.memory)
    guard epoch % 2 == 1, epoch != own.wokenEpoch else { return }
    own.wokenEpoch = epoch
    if isDriver { state.device.isSignalled = true } else { state.driver.isSignalled = true }
  }

  /// What the side sees: its own newest store, or memory.
  private func load(_ variable: Variable, _ side: Side, _ memory: UInt32) -> UInt8 {
    var value = memory >> (variable.rawValue * 4) & 0xF
    var stores = side.buffer
    while stores != 0 {
      if stores >> 4 & 0xF == variable.rawValue { value = stores & 0xF }
      stores >>= 8
    }
    return UInt8(value)
  }

  /// Puts a store into the side's buffer; false while it is full.
  private func store(_ variable: Variable, _ value: UInt8, _ side: inout Side) -> Bool {
    precondition(value > 0 && value < 16, "values have four bits")
    var shift: UInt32 = 0
    while side.buffer >> shift != 0 {
      shift += 8
      if shift == 32 { return false }
    }
    side.buffer |= (variable.rawValue << 4 | UInt32(value)) << shift
    return true
  }

  private static func setting(_ memory: UInt32, _ variable: UInt32, to value: UInt32) -> UInt32 {
    memory & ~(0xF << (variable * 4)) | value << (variable * 4)
  }
}
