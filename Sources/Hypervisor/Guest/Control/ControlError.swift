public import SystemPackage

/// What went wrong between a command and a machine; says so in a line.
public enum ControlError: Error, Equatable, CustomStringConvertible, Sendable {
  /// Nobody listens at this path.
  case notRunning(path: String)
  /// The other side did not answer, or not to the end, in time.
  case timedOut
  /// The other side closed the connection.
  case closed
  /// A message says that it is longer than any may be.
  case tooLong(byteCount: UInt32)
  /// There is no such request.
  case unknownRequest(UInt32)
  /// The request's payload is not what the request has.
  case badPayload(type: UInt32, byteCount: Int)
  /// The answer is none.
  case malformedReply
  /// The machine is being stopped.
  case stopping
  /// The operating system said no.
  case system(Errno)

  /// One line for a person.
  public var description: String {
    switch self {
    case .notRunning(let path): "no machine listens at \(path)"
    case .timedOut: "the machine did not answer in time"
    case .closed: "the machine closed the connection"
    case .tooLong(let byteCount): "a message of \(byteCount) bytes is too long"
    case .unknownRequest(let type): "unknown request \(type)"
    case .badPayload(let type, let byteCount): "request \(type) does not have \(byteCount) bytes of this kind"
    case .malformedReply: "the machine's answer makes no sense"
    case .stopping: "the machine is being stopped"
    case .system(let errno): "control socket: \(errno)"
    }
  }
}
