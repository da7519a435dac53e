/// `--sandbox-policy`: whether lkvm gives up the rights that its options do not need.
enum SandboxPolicy: String, OptionChoice {
  /// It does. What the kernel cannot restrict is said.
  case strict
  /// It says which rights it would keep, and gives up none.
  case log
  /// It keeps all.
  case off
}
