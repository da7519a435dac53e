import Hypervisor

/// What makes a virtual machine of KVM.
enum VMM: String, CaseIterable, Codable, Sendable {
  /// This project's own, in the process of bench.
  case vext
  /// QEMU, a process for each guest.
  case qemu
  /// kvmtool, whose program is called lkvm; a process for each guest.
  case lkvm

  /// Whether it is a program of others.
  var isPeer: Bool {
    switch self {
    case .vext: false
    case .qemu, .lkvm: true
    }
  }

  /// Whether it has the data path `mode`.
  func has(_ mode: DataPathMode) -> Bool { !isPeer || mode == .virtioBlock }

  /// Why it cannot serve a disk by `engine`; nil if it can.
  func objection(to engine: BlockEngineKind, usesDirectIO: Bool) -> String? {
    switch (self, engine) {
    case (.vext, _): nil
    case (.qemu, .libaio) where !usesDirectIO:
      "QEMU's aio=native needs O_DIRECT: take --engine io_uring with --no-direct"
    case (.qemu, .libaio), (.qemu, .ioUring), (.qemu, .null): nil
    case (.qemu, .sync): "QEMU has no I/O thread that blocks in its requests: take libaio, io_uring or null"
    case (.lkvm, .libaio): nil
    case (.lkvm, .ioUring), (.lkvm, .sync), (.lkvm, .null): "kvmtool has libaio only"
    }
  }
}
