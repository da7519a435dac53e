import ArgumentParser

/// `--console`: which device is the guest's console on the terminal.
enum ConsoleOption: String, ExpressibleByArgument, CaseIterable {
  /// The first 8250: `ttyS0`.
  case serial
  /// The virtio console: `hvc0`.
  case virtio
}
