import Hypervisor

/// What makes a virtual machine of KVM.
enum VMM: String, CaseIterable, Codable, Sendable {
  /// Bench itself: this project's library, in the process of bench.
  case builtin
  /// QEMU, a process for each guest.
  case qemu
  /// kvmtool, a process for each guest.
  case kvmtool

  /// The words of records before version 5, and the current ones in their place.
  static let formerWords = ["vext": VMM.builtin.rawValue, "lkvm": VMM.kvmtool.rawValue]

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let word = try container.decode(String.self)
    guard let vmm = VMM(rawValue: Self.formerWords[word] ?? word) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(word) is not a VMM")
    }
    self = vmm
  }

  /// Whether it is a program of others.
  var isPeer: Bool {
    switch self {
    case .builtin: false
    case .qemu, .kvmtool: true
    }
  }

  /// Whether it has the data path `mode`.
  func has(_ mode: DataPathMode) -> Bool { !isPeer || mode == .virtioBlock }

  /// Why it cannot serve a disk by `engine`; nil if it can.
  func objection(to engine: BlockEngineKind, usesDirectIO: Bool) -> String? {
    switch (self, engine) {
    case (.builtin, _): nil
    case (.qemu, .libaio) where !usesDirectIO:
      "QEMU's aio=native needs O_DIRECT: take --engine io_uring with --no-direct"
    case (.qemu, .libaio), (.qemu, .ioUring), (.qemu, .null): nil
    case (.qemu, .sync): "QEMU has no I/O thread that blocks in its requests: take libaio, io_uring or null"
    case (.qemu, .memory):
      "QEMU has no block driver that keeps a disk in its memory: take libaio, io_uring or null"
    case (.kvmtool, .libaio): nil
    case (.kvmtool, .ioUring), (.kvmtool, .sync), (.kvmtool, .memory), (.kvmtool, .null):
      "kvmtool has libaio only"
    }
  }
}
