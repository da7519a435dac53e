import Hypervisor

/// `--io-engine`: how disk requests are carried out.
enum IOEngineOption: String, OptionChoice {
  /// Linux asynchronous I/O.
  case libaio
  /// io_uring.
  case ioUring = "io_uring"
  /// System calls one after the other, on the I/O thread.
  case sync
}

extension IOEngineOption {
  /// The hypervisor's value.
  var kind: BlockEngineKind {
    switch self {
    case .libaio: .libaio
    case .ioUring: .ioUring
    case .sync: .sync
    }
  }
}
