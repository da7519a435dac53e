import Hypervisor

/// Another VMM's process with a guest in it. One thread.
protocol PeerProgram: AnyObject {
  /// The process.
  var process: PeerProcess { get }
  /// The program's version, as it has it itself.
  var version: String { get }
  /// Whether it binds the guest's memory to the node that an option names.
  var bindsMemory: Bool { get }
  /// Whether the guest's kernel has told it of a panic.
  var hasPanicked: Bool { get }

  /// Waits until its threads are there, and tells which they are.
  ///
  /// - Throws: ``BenchFailure`` with its own words if it does not start.
  func findThreads() throws -> PeerThreads
  /// The vmexits of all vCPUs so far by the program's own word; nil if it does not tell.
  func exitCounts() throws -> ExitCounts?
  /// Lets the guest run, if it does not yet.
  func letRun() throws
  /// Lets none of the vCPUs run any more.
  func pause() throws
}

/// The threads of another VMM's process that have a place of their own.
struct PeerThreads: Equatable, Sendable {
  /// Those of the vCPUs, in their order.
  var vcpus: [ProcessThread]
  /// Those that serve the disk.
  var ioThreads: [ProcessThread]
}
