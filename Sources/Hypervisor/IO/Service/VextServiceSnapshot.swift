/// What a service's I/O threads and clients have done so far.
public struct VextServiceSnapshot: Equatable, Sendable {
  /// A client that has opened a disk.
  public struct Client: Equatable, Sendable {
    /// Its number, which no other client gets.
    public var number: UInt64
    /// Its process, as it was when it connected.
    public var processID: Int32
    /// Its user.
    public var userID: UInt32
    /// The disk's name.
    public var disk: String
    /// Queues that it has enabled.
    public var queueCount: Int
    /// The disk's weight.
    public var weight: Int
    /// Whether its disk's limits hold its requests back now.
    public var isHeldBack: Bool
    /// Its requests.
    public var statistics: DiskStatistics
  }

  /// When it was taken, on the monotonic clock.
  public var nanoseconds: UInt64
  /// CPU time of each I/O thread, in nanoseconds.
  public var threadNanoseconds: [UInt64]
  /// The queues that I/O threads have, and how often queues were moved between them; nil for threads that exchange none.
  public var placement: QueuePlacement?
  /// The clients, the oldest first.
  public var clients: [Client]

  /// Where queues are.
  public struct QueuePlacement: Equatable, Sendable {
    /// How often a queue was moved.
    public var moveCount: UInt64
    /// Queues of each I/O thread.
    public var queueCounts: [Int]
  }

  /// A line for the threads, one for their queues if they exchange them, and one for each client: words with a blank between them,
  /// numbers in decimal.
  var text: String {
    let threads = (["threads", "\(nanoseconds)"] + threadNanoseconds.map { "\($0)" }).joined(separator: " ")
    let queues = placement.map { placement in
      (["queues", "\(placement.moveCount)"] + placement.queueCounts.map { "\($0)" }).joined(separator: " ")
        + "\n"
    }
    return threads + "\n" + (queues ?? "") + clients.map { $0.line + "\n" }.joined()
  }

  init(nanoseconds: UInt64, threadNanoseconds: [UInt64], placement: QueuePlacement?, clients: [Client]) {
    self.nanoseconds = nanoseconds
    self.threadNanoseconds = threadNanoseconds
    self.placement = placement
    self.clients = clients
  }

  /// Reads what a service has answered; nil if that is something else.
  public init?(text: String) {
    var lines = text.split(separator: "\n")[...]
    guard let first = lines.popFirst()?.split(separator: " "), first.count >= 2, first[0] == "threads",
      let time = UInt64(first[1])
    else { return nil }
    nanoseconds = time
    threadNanoseconds = first.dropFirst(2).compactMap { UInt64($0) }
    if let words = lines.first?.split(separator: " "), words.first == "queues" {
      lines.removeFirst()
      guard words.count >= 2, let moveCount = UInt64(words[1]) else { return nil }
      placement = QueuePlacement(moveCount: moveCount, queueCounts: words.dropFirst(2).compactMap { Int($0) })
    }
    clients = []
    for line in lines {
      guard let client = Client(line: line) else { return nil }
      clients.append(client)
    }
  }
}

extension VextServiceSnapshot.Client {
  /// `client`, its fields in the order of their declaration, the statistics' words, the length of a tick, then for each bucket
  /// of latencies that is not empty its number, a colon and its count.
  fileprivate var line: String {
    let fields = [
      "client", "\(number)", "\(processID)", "\(userID)", disk, "\(queueCount)", "\(weight)",
      isHeldBack ? "1" : "0",
    ]
    let buckets = statistics.latencies.counts.enumerated().filter { $0.element > 0 }.map {
      "\($0.offset):\($0.element)"
    }
    return
      (fields + statistics.words.map { "\($0)" } + ["\(statistics.latencies.nanosecondsPerTick)"] + buckets)
      .joined(separator: " ")
  }

  fileprivate init?(line: Substring) {
    let words = line.split(separator: " ")
    let first = 8 + DiskStatistics.wordCount
    guard words.count > first, words[0] == "client", let number = UInt64(words[1]),
      let processID = Int32(words[2]), let userID = UInt32(words[3]), let queueCount = Int(words[5]),
      let weight = Int(words[6]), let nanosecondsPerTick = Double(words[first])
    else { return nil }
    let numbers = words[8..<first].compactMap { UInt64($0) }
    guard numbers.count == DiskStatistics.wordCount else { return nil }
    var statistics = DiskStatistics(words: numbers)
    if words.count > first + 1 {
      statistics.latencies.counts = [UInt64](repeating: 0, count: LatencyCounts.bucketCount)
      statistics.latencies.nanosecondsPerTick = nanosecondsPerTick
    }
    for word in words[(first + 1)...] {
      let parts = word.split(separator: ":")
      guard parts.count == 2, let index = Int(parts[0]), let count = UInt64(parts[1]),
        statistics.latencies.counts.indices.contains(index)
      else { return nil }
      statistics.latencies.counts[index] = count
    }
    self.init(
      number: number, processID: processID, userID: userID, disk: String(words[4]), queueCount: queueCount,
      weight: weight, isHeldBack: words[7] == "1", statistics: statistics)
  }
}
