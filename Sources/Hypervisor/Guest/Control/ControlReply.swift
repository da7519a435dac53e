/// A machine's reply to a request.
///
/// On the wire: 0 for success or 1 for failure, and the byte count of the payload, 32 bits each, then text or bytes.
public enum ControlReply: Equatable, Sendable {
  /// The request was carried out; its result.
  case ok([UInt8])
  /// The request failed, for this reason.
  case failed(String)

  /// A success without a result.
  public static var done: ControlReply { .ok([]) }

  /// A success with a text as its result.
  public static func text(_ text: String) -> ControlReply { .ok(Array(text.utf8)) }

  /// Maximum size of the payload in bytes; a dump of 64 vCPUs has about 200 KiB.
  static let payloadLimit = 4 << 20

  private enum Status {
    static let ok: UInt32 = 0
    static let failed: UInt32 = 1
  }

  /// Header and payload, which is truncated to its limit.
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
