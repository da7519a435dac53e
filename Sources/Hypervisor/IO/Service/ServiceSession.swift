import HostSystem

/// A client of vextd, whatever protocol it speaks. Any thread.
protocol ServiceSession: AnyObject, Sendable {
  /// Its number, which no other client gets.
  var number: UInt64 { get }

  /// Its process, as it was when it connected.
  var peer: SocketPeer { get }

  /// A line for a person.
  var summary: String { get }

  /// The disk that it has opened.
  var diskName: String? { get }

  /// What it has asked of its disk.
  var statistics: DiskStatistics { get }

  /// What it has and has done; nil without a disk.
  var snapshot: VextServiceSnapshot.Client? { get }

  /// Ends the connection, as if the client had: its requests are answered first.
  func end()
}

extension ServiceSession {
  /// What it has asked of its disk, by name; nothing for one without a disk.
  var metrics: [(name: String, value: UInt64)] {
    guard let name = diskName else { return [] }
    return statistics.metrics(prefix: "client\(number)_\(name)")
  }
}
