import HostSystem

/// Divides an I/O thread between the machines whose queues it serves, so that a machine with many or full queues gets no more than
/// its share (docs/vext-service.md, "Fairness").
///
/// A *machine* here is one ``GuestMemory``: a virtual machine of this process, or one client of vextd.
///
/// Deficit round robin by machine: each pass gives a machine credit for a number of requests, in proportion to its weight. A
/// request costs ``requestCost`` and its bytes. A machine that went beyond its credit, by one large request, skips passes until its
/// credit is positive. After a pass in which a single machine had requests, that machine gets the whole thread. A machine that has no
/// room left of its own in the engine waits too, as long as another one uses the engine.
struct MachineShares {
  /// Cost of a request beside its bytes.
  static let requestCost = 4096
  /// Credit of the weight 100 in each pass: 64 requests of 4 KiB.
  private static let quantum = 2 * requestCost * PassLimit.requestsPerQueue
  /// Number of requests in flight that machines divide as long as several use the engine: enough to keep a disk busy.
  static let sharedDepth = 128
  /// Number of requests in flight that each machine may have in any case.
  static let leastDepth = 8
  /// Number of passes after which a machine that started nothing no longer counts as a user of the engine: tens of milliseconds.
  private static let recentPasses: UInt64 = 1 << 15

  /// A machine, whose queues may come and go.
  private struct Machine {
    /// Which ``GuestMemory`` the machine has; nil if the place is free.
    var identity: ObjectIdentifier?
    var weight = 0
    var queueCount = 0
    /// Bytes that it may still start in this pass; negative: it is in debt.
    var credit = 0
    /// The pass that ``credit`` belongs to.
    var creditPass: UInt64 = 0
    /// The last pass in which it wanted something.
    var wantPass: UInt64 = 0
    /// Number of its requests in the engine.
    var inFlight = 0
    /// The last pass in which it started a request that the engine did not finish at once.
    var startPass: UInt64 = 0
    var isUser = false
  }

  private var machines: ContiguousArray<Machine> = []
  /// The machine of each queue of the thread.
  private var places: ContiguousArray<Int> = []
  private var machineCount = 0
  private var pass = recentPasses
  private var wantCount = 0
  private var isContended = false
  /// Sum of the weights of the engine's recent users, and their number.
  private var userWeight = 0
  private var userCount = 0
  /// When a queue that waits for its disk's limits may take requests again, on the monotonic clock; `UInt64.max`: none waits.
  private(set) var admission = UInt64.max

  /// Whether there is anybody to divide the thread with.
  private var isDivided: Bool { machineCount > 1 }

  /// Registers the queue at `queueIndex`.
  ///
  /// - Parameter identity: of the queue's ``GuestMemory``.
  /// - Returns: its machine, for the other calls.
  mutating func attach(_ queueIndex: Int, memory identity: ObjectIdentifier, weight: Int) -> Int {
    while places.count <= queueIndex { places.append(0) }
    let known = machines.firstIndex { $0.identity == identity }
    let place = known ?? machines.firstIndex { $0.identity == nil } ?? machines.count
    if place == machines.count { machines.append(Machine()) }
    if known == nil {
      machines[place] = Machine(identity: identity, weight: weight)
      machineCount += 1
    }
    machines[place].queueCount += 1
    places[queueIndex] = place
    return place
  }

  /// Takes the queue at `queueIndex` out; its requests have ended.
  mutating func detach(_ queueIndex: Int) {
    let place = places[queueIndex]
    machines[place].queueCount -= 1
    guard machines[place].queueCount == 0 else { return }
    if machines[place].isUser { forget(place) }
    machines[place] = Machine()
    machineCount -= 1
  }

  /// Begins a pass.
  @inline(__always)
  mutating func beginPass() {
    pass &+= 1
    admission = .max
    isContended = wantCount > 1
    wantCount = 0
    if pass % Self.recentPasses == 0, isDivided { forgetFormerUsers() }
  }

  /// Whether `machine` has had its share of this pass, so that its queues need not be polled.
  @inline(__always)
  func isServed(_ machine: Int) -> Bool {
    isContended && machines[machine].wantPass == pass && machines[machine].credit <= 0
  }

  /// Gives a queue of `machine`, which wants something, its turn.
  ///
  /// - Parameters:
  ///   - throttle: the limits of the queue's disk.
  ///   - drain: takes requests, of the given number at most.
  /// - Returns: the number of requests that it took.
  @inline(__always)
  mutating func serve(
    _ machine: Int, _ throttle: DiskThrottle?, _ engine: inout BlockEngine,
    _ drain: (inout BlockEngine, Int) -> Int
  ) -> Int {
    let before = engine.inFlight
    guard isDivided || throttle != nil else {
      let taken = drain(&engine, PassLimit.requestsPerQueue)
      let started = engine.inFlight &- before
      if started > 0 { machines[machine].inFlight &+= started }
      return taken
    }
    var (credit, room) = turn(machine)
    var limit = PassLimit.requestsPerQueue
    let now = throttle == nil ? 0 : HostClock.monotonicNanoseconds()
    if let throttle {
      let allowance = throttle.allowance(at: now)
      limit = min(limit, allowance.requests)
      credit = min(credit, allowance.bytes)
      if limit == 0 || allowance.bytes == 0 { admission = min(admission, throttle.admission) }
    }
    guard credit > 0, room > 0, limit > 0 else { return 0 }
    engine.beginTurn(credit: credit, room: room)
    let taken = drain(&engine, limit)
    let cost = engine.turnCost
    endTurn(machine, cost: cost, inFlight: engine.inFlight &- before)
    throttle?.charge(requests: taken, bytes: max(cost &- taken &* Self.requestCost, 0), at: now)
    return taken
  }

  /// What `machine`, which wants something, may start now.
  ///
  /// - Returns: number of bytes with ``requestCost`` for each request, and number of requests in flight; 0: its turn is over.
  private mutating func turn(_ machine: Int) -> (credit: Int, room: Int) {
    if machines[machine].wantPass != pass {
      machines[machine].wantPass = pass
      wantCount &+= 1
    }
    if machines[machine].creditPass != pass {
      let share = Self.quantum / 100 &* machines[machine].weight
      // Bounded, so that the product is too; debts are forgiven where nobody else waits.
      let passes = Int(truncatingIfNeeded: min(pass &- machines[machine].creditPass, 1 << 20))
      machines[machine].credit =
        isContended ? min(machines[machine].credit &+ share &* passes, share) : share
      machines[machine].creditPass = pass
    }
    return (isContended ? max(machines[machine].credit, 0) : .max, room(machine))
  }

  /// Number of further requests that `machine` may have in flight.
  private func room(_ machine: Int) -> Int {
    guard userCount > (machines[machine].isUser ? 1 : 0) else { return .max }
    let weight = machines[machine].weight
    let sum = userWeight &+ (machines[machine].isUser ? 0 : weight)
    return max(max(Self.sharedDepth &* weight / sum, Self.leastDepth) &- machines[machine].inFlight, 0)
  }

  /// Ends a turn in which `machine` started requests.
  ///
  /// - Parameters:
  ///   - cost: bytes of the requests, with ``requestCost`` for each.
  ///   - inFlight: how many of them the engine still has.
  private mutating func endTurn(_ machine: Int, cost: Int, inFlight: Int) {
    machines[machine].credit = machines[machine].credit &- cost
    guard inFlight > 0 else { return }
    machines[machine].inFlight &+= inFlight
    machines[machine].startPass = pass
    if !machines[machine].isUser {
      machines[machine].isUser = true
      userCount &+= 1
      userWeight &+= machines[machine].weight
    }
  }

  /// Notes that the engine has finished a request of the queue at `queueIndex`.
  @inline(__always)
  mutating func finish(_ queueIndex: Int) { machines[places[queueIndex]].inFlight &-= 1 }

  private mutating func forgetFormerUsers() {
    for place in machines.indices
    where machines[place].isUser && machines[place].inFlight <= 0
      && pass &- machines[place].startPass > Self.recentPasses
    {
      forget(place)
    }
  }

  private mutating func forget(_ place: Int) {
    machines[place].isUser = false
    userCount &-= 1
    userWeight &-= machines[place].weight
  }
}
