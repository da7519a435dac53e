/// What the threads of a workload had been promised at a moment, and had begun.
struct CrashMoment {
  struct Lane {
    /// The last operation that is durable as far as names and attributes go.
    var durable: Int
    /// The last operation that has begun.
    var begun: Int
    /// The last operation that has ended.
    var ended: Int
    /// The last operation whose effect on the data and size of a file is durable, by file.
    var data: [Int: Int] = [:]
    /// The last operation whose effect on the times of a file is durable too, by file.
    var times: [Int: Int] = [:]
    /// The same for files that are in neither.
    var all: Int

    func durableData(of node: Int) -> Int { max(data[node] ?? 0, all) }
    func durableTimes(of node: Int) -> Int { max(times[node] ?? 0, all) }
  }

  var lanes: [Lane]
  /// Differs from moment to moment.
  var number = 0

  /// An operation has ended that makes something durable.
  ///
  /// - Parameter endedBefore: The last operation of each thread that had ended when this one began.
  mutating func keep(_ promise: CrashLane.Promise, lane: Int, operation: Int, endedBefore: [Int]) {
    switch promise {
    case .data(let node):
      lanes[lane].data[node] = operation
    case .file(let node):
      keepNames(lane, operation, endedBefore)
      lanes[lane].data[node] = operation
      lanes[lane].times[node] = operation
    case .names:
      keepNames(lane, operation, endedBefore)
    case .everything:
      keepNames(lane, operation, endedBefore)
      for index in lanes.indices {
        lanes[index].all = max(lanes[index].all, index == lane ? operation : endedBefore[index])
      }
    }
  }

  private mutating func keepNames(_ lane: Int, _ operation: Int, _ endedBefore: [Int]) {
    for index in lanes.indices {
      lanes[index].durable = max(lanes[index].durable, index == lane ? operation : endedBefore[index])
    }
  }
}

/// The record of a workload, divided where the disk was flushed.
struct CrashHistory {
  struct Write {
    let offset: Int
    let byteCount: Int
    /// Nil for zeros.
    let bytes: [UInt8]?

    /// The write, or discard, that an event stands for.
    init?(_ event: CrashEvent) {
      switch event {
      case .write(let offset, let bytes): (self.offset, byteCount, self.bytes) = (offset, bytes.count, bytes)
      case .discard(let offset, let byteCount):
        (self.offset, self.byteCount, bytes) = (offset, byteCount, nil)
      case .flush, .begin, .end: return nil
      }
    }

    /// A part of it reaches a disk.
    func arrive(_ part: Range<Int>, on disk: CrashDisk) {
      if let bytes {
        disk.write(bytes[part], at: offset + part.lowerBound)
      } else {
        disk.clear(offset + part.lowerBound, part.count)
      }
    }
  }

  /// Writes that may arrive or not, in any order, while all before the window have arrived.
  struct Window {
    var writes: [Write] = []
    /// The moment before each write, and last the one before the flush.
    var moments: [CrashMoment] = []
  }

  private(set) var windows: [Window] = []

  init(_ workload: CrashWorkload) {
    var moment = CrashMoment(
      lanes: workload.starts.map { CrashMoment.Lane(durable: $0, begun: $0, ended: $0, all: $0) })
    // For each thread, what all of them had ended when its operation began.
    var endedBefore = [[Int]](repeating: [], count: workload.lanes.count)
    var window = Window()
    for event in workload.events {
      switch event {
      case .write, .discard:
        guard let write = Write(event) else { continue }
        window.moments.append(moment)
        window.writes.append(write)
      case .flush:
        window.moments.append(moment)
        windows.append(window)
        window = Window()
      case .begin(let lane, let operation):
        moment.number += 1
        moment.lanes[lane].begun = operation
        endedBefore[lane] = moment.lanes.map(\.ended)
      case .end(let lane, let operation):
        moment.number += 1
        moment.lanes[lane].ended = operation
        guard let promise = workload.lanes[lane].promises[operation] else { continue }
        moment.keep(promise, lane: lane, operation: operation, endedBefore: endedBefore[lane])
      }
    }
    window.moments.append(moment)
    windows.append(window)
  }

  /// The writes of a record, divided where the disk was flushed.
  static func windows(of events: [CrashEvent]) -> [[Write]] {
    var windows: [[Write]] = [[]]
    for event in events {
      if case .flush = event { windows.append([]) }
      if let write = Write(event) { windows[windows.count - 1].append(write) }
    }
    return windows
  }
}
