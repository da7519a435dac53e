/// The threads of another VMM's process that have a place of their own.
struct PeerThreads: Equatable, Sendable {
  /// Those of the vCPUs, in their order.
  var vcpus: [ProcessThread]
  /// Those that serve the disk.
  var ioThreads: [ProcessThread]
}
