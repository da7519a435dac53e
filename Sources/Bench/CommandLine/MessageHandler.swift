import HostSystem
import Logging

/// Writes messages of the hypervisor as lines of bench: to standard error, and without the time.
///
/// swift-log's own handler reads the file of the time zone for each message, and `GuestSystemCalls` does not let a guest's threads open files:
/// the first message would end bench.
struct MessageHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.warning

  /// Once, before any logger is made.
  static func install() { LoggingSystem.bootstrap { _ in MessageHandler() } }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    StandardError.write(
      event.level >= .error ? .error : .warning, event.message.description, from: "bench")
  }
}
