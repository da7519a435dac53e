/// What this host, itself a virtual machine, runs on.
struct VirtualMachineDescription: Codable, Equatable, Sendable {
  /// Who made the machine, by its firmware.
  var vendor: String?
  /// What it is called there.
  var product: String?
  /// The share of all time since the boot in which the hypervisor below kept a CPU from working.
  var stealShare: Double?

  /// The names in the JSON file.
  enum CodingKeys: String, CodingKey {
    case vendor
    case product
    case stealShare = "steal_share"
  }
}
