/// How fio asks the guest's kernel for I/O.
enum FioEngine: String, CaseIterable, Codable, Sendable {
  case libaio
  case iouring = "io_uring"
}
