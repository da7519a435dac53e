/// What runs inside the virtual machines.
enum GuestKind: String, CaseIterable, Codable, Sendable {
  /// The freestanding guest that the package builds itself.
  case micro
  /// An unmodified Linux kernel, whose workload is fio.
  case linux
}
