/// What a machine answers to a request.
///
/// On the wire: 0 for success or 1 for failure and the byte count of what follows, 32 bits each, then text or bytes.
public enum ControlReply: Equatable, Sendable {
  /// The request was carried out; its result.
  case ok([UInt8])
  /// It was not done, for this reason.
  case failed(String)

  /// It was done, and there is nothing to say.
  public static var done: ControlReply { .ok([]) }

  /// It was done; in words.
  public static func text(_ text: String) -> ControlReply { .ok(Array(text.utf8)) }

  /// A dump of 64 vCPUs has some 200 KiB.
  static let payloadLimit = 4 << 20

  private enum Status {
    static let ok: UInt32 = 0
    static let failed: UInt32 = 1
  }

  /// Header and payload, which is cut to its limit.
  var encoded: [UInt8] {
    let (status, payload) =
      switch self {
      case .ok(let bytes): (Status.ok, bytes)
      case .failed(let reason): (Status.failed, Array(reason.utf8))
      }
    let kept = payload.prefix(Self.payloadLimit)
    return WireNumber.bytes(status) + WireNumber.bytes(UInt32(kept.count)) + kept
  }

  init(status: UInt32, payload: [UInt8]) throws(ControlError) {
    switch status {
    case Status.ok: self = .ok(payload)
    case Status.failed: self = .failed(String(decoding: payload, as: UTF8.self))
    default: throw .malformedReply
    }
  }
}
