import HostSystem
import Testing

@testable import Hypervisor

/// Which queue moves to another I/O thread, by measurements that a test makes up.
@Suite struct QueueBalanceTests {
  private final class Queue {}

  /// Threads with queues that each ask for a part of a thread's time, and get it as far as their thread has it.
  private struct Host {
    var balance = QueueBalance()
    let queues: [Queue]
    var demands: [Double]
    var places: [Int]
    var nodes: [Int?]
    var moveCount = 0

    init(demands: [Double], places: [Int], nodes: [Int?]) {
      queues = demands.map { _ in Queue() }
      self.demands = demands
      self.places = places
      self.nodes = nodes
    }

    func demand(on place: Int) -> Double {
      demands.indices.filter { places[$0] == place }.reduce(0) { $0 + demands[$1] }
    }

    var loads: [QueueBalance.ThreadLoad] {
      nodes.indices.map { place in
        let demand = demand(on: place)
        let scale = demand > 1 ? 1 / demand : 1
        return QueueBalance.ThreadLoad(
          node: nodes[place], busyShare: min(demand, 1),
          queues: demands.indices.filter { places[$0] == place }.map {
            QueueBalance.QueueLoad(
              queue: ObjectIdentifier(queues[$0]), takenCount: UInt64(demands[$0] * scale * 100_000))
          })
      }
    }

    /// Runs windows, and carries out the moves.
    mutating func run(_ windows: Int) {
      for _ in 0..<windows {
        guard let move = balance.move(after: loads) else { continue }
        for index in queues.indices where ObjectIdentifier(queues[index]) == move.queue {
          let place = places[index]
          #expect(place == move.from)
          places[index] = move.to
        }
        moveCount += 1
      }
    }
  }

  @Test func `two busy queues of one thread are divided between two, after three windows`() {
    var host = Host(demands: [1, 1], places: [0, 0], nodes: [nil, nil])
    host.run(QueueBalance.windowsBeforeMove - 1)
    #expect(host.moveCount == 0)
    host.run(1)
    #expect(host.moveCount == 1)
    host.run(1000)
    #expect(host.moveCount == 1)
    #expect(Set(host.places) == [0, 1])
  }

  @Test func `a single queue stays, however busy its thread is`() {
    var host = Host(demands: [1, 0], places: [0, 0], nodes: [nil, nil])
    host.run(1000)
    #expect(host.places[0] == 0)
    #expect(host.moveCount == 0)
  }

  @Test func `threads that are not busy, or equally busy, keep their queues`() {
    for demands in [[0.3, 0.3, 0, 0], [0.9, 0.1, 0.8, 0.1], [1, 1, 1, 1]] {
      var host = Host(demands: demands, places: [0, 0, 1, 1], nodes: [nil, nil])
      host.run(1000)
      #expect(host.moveCount == 0, "\(demands)")
    }
  }

  @Test func `a queue moves within its NUMA node alone`() {
    var host = Host(demands: [1, 1, 1], places: [0, 0, 0], nodes: [0, 1, 1])
    host.run(1000)
    #expect(host.moveCount == 0)
    host.nodes = [0, 1, 0]
    host.run(1000)
    #expect(host.places.contains(2) && !host.places.contains(1))
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func `under a constant load queues come to rest, each thread no busier than before`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let threadCount = Int.random(in: 2...6, using: &random)
    let demands = (0..<Int.random(in: 2...24, using: &random)).map { _ in
      Double.random(in: 0.01...1, using: &random)
    }
    var host = Host(
      demands: demands, places: demands.map { _ in Int.random(in: 0..<threadCount, using: &random) },
      nodes: .init(repeating: nil, count: threadCount))
    host.run(4000)
    let moves = host.moveCount
    #expect(moves <= demands.count * 8)
    // Beyond the longest rest.
    host.run(3000)
    #expect(host.moveCount == moves)
  }

  @Test func `queues whose load changes with each move rest longer and longer`() {
    var host = Host(demands: [1, 1, 1, 1], places: [0, 0, 0, 0], nodes: [nil, nil])
    for _ in 0..<20_000 {
      // The thread with more queues is busy, and the other one idle: the worst that guests can do.
      let hot = host.places.count { $0 == 0 } >= 2 ? 0 : 1
      for index in host.queues.indices { host.demands[index] = host.places[index] == hot ? 1 : 0.01 }
      host.run(1)
    }
    #expect(host.moveCount > 4)
    // 20,000 windows are 33 minutes. Each queue moves eight times while its rest grows, and then every 1,024 windows.
    #expect(host.moveCount <= 4 * (8 + 20))
  }

  @Test func `a direction that changes from window to window moves nothing`() {
    var host = Host(demands: [1, 1, 0, 0], places: [0, 0, 1, 1], nodes: [nil, nil])
    for window in 0..<300 {
      host.demands = window % 2 == 0 ? [1, 1, 0, 0] : [0, 0, 1, 1]
      host.run(1)
    }
    #expect(host.moveCount == 0)
    host.balance.noteCalm()
    host.demands = [1, 1, 0, 0]
    host.run(3)
    #expect(host.moveCount == 1)
  }
}
