import Glibc
import Logging

/// The log of the hypervisor: messages go to standard error, from the options' level on.
enum LogOutput {
  /// Once, before any logger is made.
  static func install(_ options: RunSettings.Debugging) {
    let level = options.level
    // Messages carry the local time. With a named time zone the C library reads its file once, and not in each thread that writes a
    // message: those of vCPUs may not open files.
    unsafe setenv("TZ", ":/etc/localtime", 0)
    tzset()
    LoggingSystem.bootstrap { label in
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = level
      return handler
    }
  }
}

extension RunSettings.Debugging {
  /// The least important messages that are wanted.
  var level: Logger.Level {
    if debug { return .debug }
    switch loglevel {
    case .debug: return .debug
    case .info: return .info
    case .warning: return logsAccesses ? .info : .warning
    case .error: return .error
    }
  }

  /// Whether an option asks for messages of the level `info`.
  private var logsAccesses: Bool { debugIoport || debugMmio || debugSingleStep }
}
