/// One boot of all the guests of a run, on one data path.
struct RunCell: Codable, Equatable, Sendable {
  /// Place in the run's order, from 0.
  var index: Int
  /// How requests reach the host.
  var mode: DataPathMode
  /// What is above that in the guest.
  var fileSystem = GuestFileSystem.none
  /// What makes the virtual machines.
  var vmm = VMM.builtin
  /// Which repetition, from 1.
  var repetition: Int
  /// Seed of the guests' workload: the same for all paths of a repetition, so that they do the same work.
  var seed: UInt64

  /// The data path.
  var path: DataPath { DataPath(mode, fileSystem, vmm: vmm) }

  /// The names in the JSON file.
  enum CodingKeys: String, CodingKey {
    case index
    case mode
    case fileSystem = "fs"
    case vmm
    case repetition
    case seed
  }
}
