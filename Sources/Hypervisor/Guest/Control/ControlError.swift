public import SystemPackage

/// The reason why the communication between a command and a machine failed.
public enum ControlError: Error, Equatable, CustomStringConvertible, Sendable {
  /// No machine listens at this path.
  case notRunning(path: String)
  /// The other side did not send a complete message in time.
  case timedOut
  /// The machine's process was stopped by a signal and would answer once it continues.
  case processStopped(Int32)
  /// The other side closed the connection.
  case closed
  /// A message's header announces more bytes than the limit.
  case tooLong(byteCount: UInt32)
  /// There is no such request.
  case unknownRequest(UInt32)
  /// The request's payload has a wrong size or content.
  case badPayload(type: UInt32, byteCount: Int)
  /// The reply is not well formed.
  case malformedReply
  /// The machine is being stopped.
  case stopping
  /// A system call failed.
  case system(Errno)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .notRunning(let path): "no machine listens at \(path)"
    case .timedOut: "the machine did not answer in time"
    case .processStopped(let number):
      "its process \(number) is stopped by a signal; let it go on with 'kill -CONT \(number)'"
    case .closed: "the machine closed the connection"
    case .tooLong(let byteCount): "a message of \(byteCount) bytes is too long"
    case .unknownRequest(let type): "unknown request \(type)"
    case .badPayload(let type, let byteCount): "request \(type): malformed payload of \(byteCount) bytes"
    case .malformedReply: "the machine's reply is malformed"
    case .stopping: "the machine is being stopped"
    case .system(let errno): "control socket: \(errno)"
    }
  }
}
