import Glibc
import HostSystem
import SystemPackage

/// A program that a test runs.
struct Command {
  /// How it ended.
  struct Result {
    let exitCode: Int32
    /// Standard output and standard error.
    let output: String
  }

  /// Runs a shell command to its end.
  @discardableResult
  static func run(_ command: String) -> Result {
    let path = TemporaryFolder.uniquePath("output")
    defer { unsafe unlink(path) }
    let child = spawn(command, outputPath: path)
    return Result(exitCode: wait(for: child), output: text(of: path))
  }

  /// Starts a shell command.
  static func spawn(_ command: String, outputPath: String) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    let arguments = ["/bin/bash", "-c", command]
    var pointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    var child: pid_t = 0
    let result = unsafe posix_spawn(&child, "/bin/bash", &actions, nil, &pointers, environ)
    return result == 0 ? child : -1
  }

  /// The exit code of a child, or 128 and the number of the signal that killed it.
  static func wait(for child: pid_t) -> Int32 {
    var status: Int32 = 0
    guard child > 0, unsafe waitpid(child, &status, 0) == child else { return -1 }
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
  }

  /// What a file has in it.
  static func text(of path: String) -> String {
    let descriptor = unsafe open(path, O_RDONLY)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = unsafe read(descriptor, &chunk, chunk.count)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
  }
}

extension Command {
  /// Writes a note for the analysis of a crash.
  static func record(_ text: String, in path: String) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = unsafe Array("\(text)\n".utf8).withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
  }
}
