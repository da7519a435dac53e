/// What the threads of a workload had been promised at a moment, and had begun.
struct CrashMoment {
  struct Lane {
    /// The last operation that is durable as far as names and attributes go.
    var durable: Int
    /// The last operation that has begun.
    var begun: Int
    /// The last operation that has ended.
    var ended: Int
    /// The last operation whose effect on the data of a file is durable, by file.
    var content: [Int: Int] = [:]
    /// The same for files that are not in ``content``.
    var contentOfAll: Int

    func durableContent(of node: Int) -> Int { max(content[node] ?? 0, contentOfAll) }
  }

  var lanes: [Lane]
  /// Differs from moment to moment.
  var number = 0
}

/// The record of a workload, divided where the disk was flushed.
struct CrashHistory {
  struct Write {
    let offset: Int
    let byteCount: Int
    /// Nil for zeros.
    let bytes: [UInt8]?
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
      lanes: workload.starts.map { CrashMoment.Lane(durable: $0, begun: $0, ended: $0, contentOfAll: $0) })
    // For each thread, what all of them had ended when its operation began.
    var endedBefore = [[Int]](repeating: [], count: workload.lanes.count)
    var window = Window()
    func note(_ write: Write) {
      window.moments.append(moment)
      window.writes.append(write)
    }
    for event in workload.events {
      switch event {
      case .write(let offset, let bytes):
        note(Write(offset: offset, byteCount: bytes.count, bytes: bytes))
      case .discard(let offset, let byteCount):
        note(Write(offset: offset, byteCount: byteCount, bytes: nil))
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
        for index in moment.lanes.indices {
          let durable = index == lane ? operation : endedBefore[lane][index]
          moment.lanes[index].durable = max(moment.lanes[index].durable, durable)
          if case .everything = promise {
            moment.lanes[index].contentOfAll = max(moment.lanes[index].contentOfAll, durable)
          }
        }
        if case .file(let node) = promise { moment.lanes[lane].content[node] = operation }
      }
    }
    window.moments.append(moment)
    windows.append(window)
  }
}
