import HostSystem
import Hypervisor

/// A running back end with the disks of a cell's guests. It ends with this object. One thread.
final class BackEndProcess {
  /// The socket of each guest's disk.
  let sockets: [String]
  private let process: PeerProcess
  /// Keeps the sockets and the messages.
  private let folder: PeerFolder

  /// Starts `backEnd` on `cpus` and waits until it listens.
  ///
  /// - Parameter disk: the disk of a guest by number, at a socket.
  /// - Throws: ``BenchFailure`` with its own words if it does not start.
  init(
    _ backEnd: BackEnd, guestCount: Int, engine: BlockEngineKind, cpus: CPUSet,
    disk: (_ guest: Int, _ socket: String) -> BackEndDisk
  ) throws {
    let folder = try PeerFolder()
    let sockets = (0..<guestCount).map { backEnd.socket(of: $0, in: folder.path) }
    let disks = sockets.enumerated().map { disk($0.offset, $0.element) }
    let words =
      ["-c", cpus.description, try backEnd.program()]
      + backEnd.arguments(disks, engine: engine, folder: folder.path)
    process = try PeerProcess(
      program: "taskset", arguments: words, outputPath: "\(folder.path)/output",
      errorPath: folder.errors(guest: 0))
    self.folder = folder
    self.sockets = sockets
    try process.waitForSockets(sockets, name: backEnd.programName)
  }

  private var threads: [ProcessThread] { ProcessThread.named(of: process.id).map(\.thread) }

  /// Its I/O threads; none where they have no names of their own.
  var ioThreads: [ProcessThread] {
    ProcessThread.named(of: process.id).filter { $0.name.hasPrefix("vextd-io") }.map(\.thread)
  }

  /// CPU time of its threads so far.
  func cpuNanoseconds() throws -> UInt64 { try threads.reduce(0) { $0 + (try $1.cpuNanoseconds()) } }

  /// The CPUs that it may run on, one set.
  func grantedCPUs() throws -> [String] {
    try threads.prefix(1).map { try $0.thread.grantedCPUs().description }
  }

  /// Ends it.
  func end() { process.kill() }
}
