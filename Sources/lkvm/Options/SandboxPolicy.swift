/// `--sandbox-policy`: whether lkvm gives up the rights that its options do not need.
enum SandboxPolicy: String, OptionChoice {
  /// Gives up every right that the options do not need, and warns about restrictions that the kernel lacks.
  case strict
  /// Prints the rights that `strict` would keep, and gives up only new privileges.
  case log
  /// Keeps all rights.
  case off
}
