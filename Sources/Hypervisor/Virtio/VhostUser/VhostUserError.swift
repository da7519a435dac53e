public import SystemPackage

/// Why a vhost-user connection cannot be used, or ended.
public enum VhostUserError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Nobody listens, or the socket cannot be opened.
  case cannotConnect(Errno)
  /// The other side has closed the connection.
  case closed
  /// The other side did not answer, or did not send the rest of a message, in time.
  case timedOut
  /// The socket, or another resource of this process, failed.
  case failed(Errno)
  /// A message of another version of the protocol.
  case badVersion(UInt32)
  /// A payload whose length does not fit its request.
  case badLength(request: UInt32, byteCount: Int)
  /// More or fewer descriptors than the request has.
  case badDescriptorCount(request: UInt32, count: Int)
  /// A reply to another request, or a request where a reply was due.
  case badReply(to: UInt32, request: UInt32)
  /// A request that is unknown, or not allowed now.
  case badRequest(UInt32)
  /// A request with a value that breaks a rule.
  case badValue(request: UInt32, UInt64)
  /// The other side refused a request, with its status.
  case refused(request: UInt32, UInt64)
  /// The back end lacks a feature that is needed.
  case missing(String)
  /// The back end has fewer queues than were asked for.
  case tooFewQueues(wanted: Int, offered: Int)
  /// The device has changed since the last connection.
  case changed(String)
  /// The guest's memory cannot be shared, or what was shared was refused.
  case memory(String)

  /// One line for a person.
  public var description: String {
    switch self {
    case .cannotConnect(.noSuchFileOrDirectory), .cannotConnect(.connectionRefused):
      "nobody listens there; start the back end first"
    case .cannotConnect(let errno): "cannot connect: \(errno)"
    case .closed: "the other side closed the connection"
    case .timedOut: "the other side does not answer"
    case .failed(let errno): "\(errno)"
    case .badVersion(let version): "a message of version \(version) of the protocol; 1 is needed"
    case .badLength(let request, let byteCount): "request \(request) with \(byteCount) bytes"
    case .badDescriptorCount(let request, let count): "request \(request) with \(count) descriptors"
    case .badReply(let request, let other): "request \(request) was answered with message \(other)"
    case .badRequest(let request): "request \(request) is unknown, or not allowed now"
    case .badValue(let request, let value): "request \(request) with the value \(value)"
    case .refused(let request, let status): "the other side refused request \(request): \(status)"
    case .missing(let feature): "the back end lacks \(feature)"
    case .tooFewQueues(let wanted, let offered):
      "the back end offers \(offered) queues, and \(wanted) are needed"
    case .changed(let what): "\(what) has changed"
    case .memory(let reason): reason
    }
  }
}
