/// What lkvm has the guest run: files that the initramfs brings in /lkvm, and that the second stage finds in
/// /run/lkvm.
///
/// - command: the arguments, each with a NUL
/// - script: a script, run instead of the command, with the command as its arguments
/// - environment: variables, each with a NUL
/// - directory: where the command starts
enum RootHandover {
  static var command: Text { "/run/lkvm/command" }
  static var script: Text { "/run/lkvm/script" }
  static var environment: Text { "/run/lkvm/environment" }
  static var directory: Text { "/run/lkvm/directory" }

  /// Copies the files from the initramfs to /run, which moves into the root.
  static func carry(_ arena: inout InitArena) throws(StageFailure) {
    guard Kernel.exists("/lkvm") else { return }
    try attempt("carry lkvm's files into the root") { () throws(Errno) in
      try Kernel.makeDirectory("/run/lkvm", mode: 0o700)
      try copy("/lkvm/command", to: command, &arena)
      try copy("/lkvm/script", to: script, mode: 0o700, &arena)
      try copy("/lkvm/environment", to: environment, &arena)
      try copy("/lkvm/directory", to: directory, &arena)
    }
  }

  private static func copy(
    _ source: Text, to target: Text, mode: UInt64 = 0o600, _ arena: inout InitArena
  ) throws(Errno) {
    guard Kernel.exists(source) else { return }
    try Kernel.writeFile(target, arena.contents(of: source), mode: mode)
  }

  /// The contents of one of the files; nil if lkvm passed none.
  static func contents(of path: Text, _ arena: inout InitArena) throws(Errno) -> Text? {
    guard Kernel.exists(path) else { return nil }
    return try arena.contents(of: path)
  }
}
