/// Why bench gives up, in a sentence for the user, with the exit code that says what kind of failure it is.
struct BenchFailure: Error, Equatable, CustomStringConvertible {
  /// Exit codes of `sysexits.h`, and those of a process that a signal ended.
  enum Code: Int32, Sendable {
    /// Any failure without a code of its own.
    case general = 1
    /// Something on this host spoils results: `bench doctor`.
    case spoiledHost = 3
    /// There is nothing to compare with: `bench compare --baseline`.
    case missingBaseline = 5
    /// The command line was wrong (`EX_USAGE`).
    case usage = 64
    /// A file does not have the expected content (`EX_DATAERR`).
    case dataError = 65
    /// An input does not exist or cannot be read (`EX_NOINPUT`).
    case noInput = 66
    /// Something that bench needs is not there (`EX_UNAVAILABLE`).
    case unavailable = 69
    /// An output cannot be created (`EX_CANTCREAT`).
    case cannotCreate = 73
    /// Reading or writing failed (`EX_IOERR`).
    case ioError = 74
    /// A permission is missing (`EX_NOPERM`).
    case noPermission = 77
    /// SIGHUP: the terminal was closed.
    case hungUp = 129
    /// SIGINT: Ctrl-C.
    case interrupted = 130
    /// SIGTERM.
    case terminated = 143
  }

  /// What is wrong and, if that is known, what to do.
  let description: String
  /// What the process ends with.
  let exitCode: Code

  /// A failure that `description` explains.
  init(_ description: String, exitCode: Code = .general) {
    self.description = description
    self.exitCode = exitCode
  }
}
