import CLinux
import HostSystem
import Synchronization

/// A client of vextd, whatever protocol it speaks. Any thread.
protocol ServiceSession: AnyObject, Sendable {
  /// Its number, which no other client gets.
  var number: UInt64 { get }

  /// Its process, as it was when it connected.
  var peer: SocketPeer { get }

  /// A word for the protocol behind ``summary``; empty for vextd's own.
  var protocolNote: String { get }

  /// What it has asked of its disk, counted by the I/O threads.
  var activities: DiskActivities { get }

  /// What others may see of it.
  var publicState: Mutex<ServiceSessionState> { get }
}

/// What others may see of a client.
struct ServiceSessionState {
  /// The disk that it has opened.
  var disk: VextServiceDisk?
  /// The queues that I/O threads serve, by their numbers.
  var queues: [Int: any IOQueue] = [:]
  /// The connection's descriptor, as long as it is open.
  var descriptor: Int32?
  /// Whether the service wants it to end.
  var isEnded = false
}

extension ServiceSession {
  /// A line for a person.
  var summary: String {
    let (disk, queueCount) = publicState.withLock { ($0.disk, $0.queues.count) }
    return
      "client \(number) process \(peer.processID) user \(peer.userID) disk \(disk?.name ?? "-"), queues: \(queueCount)\(protocolNote)"
  }

  /// The name of the disk that it has opened.
  var diskName: String? { publicState.withLock { $0.disk?.name } }

  /// The queue of that number; nil if it is not served.
  func queue(_ index: Int) -> (any IOQueue)? { publicState.withLock { $0.queues[index] } }

  /// What it has asked of its disk.
  var statistics: DiskStatistics { activities.statistics }

  /// What it has and has done; nil without a disk.
  var snapshot: VextServiceSnapshot.Client? {
    let (disk, queueCount) = publicState.withLock { ($0.disk, $0.queues.count) }
    guard let disk else { return nil }
    return VextServiceSnapshot.Client(
      number: number, processID: peer.processID, userID: peer.userID, disk: disk.name, queueCount: queueCount,
      weight: disk.share.weight, isHeldBack: disk.share.throttle?.isHoldingBack ?? false,
      statistics: statistics)
  }

  /// Ends the connection, as if the client had: its requests are answered first.
  func end() {
    publicState.withLock { state in
      state.isEnded = true
      if let descriptor = state.descriptor { linux_socket_end(descriptor) }
    }
  }

  /// What it has asked of its disk, by name; nothing for one without a disk.
  var metrics: [(name: String, value: UInt64)] {
    guard let name = diskName else { return [] }
    return statistics.metrics(prefix: "client\(number)_\(name)")
  }
}
