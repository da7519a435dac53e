/// A command's request to a running machine, over its control socket.
///
/// On the wire, a request is its type and the byte count of its payload, 32 bits each, then the payload; all numbers are
/// little-endian. The types and payloads are kvmtool's, except for one addition.
public enum ControlRequest: Equatable, Sendable {
  /// Changes the balloon by a number of MiB. Payload: a signed 32-bit number.
  case balloon(deltaMiB: Int32)
  /// See ``ControlDebug``.
  case debug(ControlDebug)
  /// Returns the counters of the balloon and the machine.
  case statistics
  /// Stops all vCPUs.
  case pause
  /// Continues all vCPUs.
  case resume
  /// Ends the machine.
  case stop
  /// Returns the process id of the machine, in 32 bits.
  case processID
  /// Returns whether the machine is paused, as a ``ControlState`` in 32 bits.
  case state
  /// Presses the power button, for a guest that shuts itself down. kvmtool has no such request.
  case powerButton

  /// Maximum size of a payload in bytes; no request has more.
  static let payloadLimit = 256
  /// Size of the header in bytes: type and byte count.
  static let headerByteCount = 8

  private enum TypeNumber {
    static let balloon: UInt32 = 1
    static let debug: UInt32 = 2
    static let statistics: UInt32 = 3
    static let pause: UInt32 = 4
    static let resume: UInt32 = 5
    static let stop: UInt32 = 6
    static let processID: UInt32 = 7
    static let state: UInt32 = 8
    static let powerButton: UInt32 = 9
  }

  private var typeNumber: UInt32 {
    switch self {
    case .balloon: TypeNumber.balloon
    case .debug: TypeNumber.debug
    case .statistics: TypeNumber.statistics
    case .pause: TypeNumber.pause
    case .resume: TypeNumber.resume
    case .stop: TypeNumber.stop
    case .processID: TypeNumber.processID
    case .state: TypeNumber.state
    case .powerButton: TypeNumber.powerButton
    }
  }

  private var payload: [UInt8] {
    switch self {
    case .balloon(let delta): WireNumber.bytes(UInt32(bitPattern: delta))
    case .debug(let debug): debug.encoded
    case .statistics, .pause, .resume, .stop, .processID, .state, .powerButton: []
    }
  }

  /// Header and payload.
  var encoded: [UInt8] {
    let payload = payload
    return WireNumber.bytes(typeNumber) + WireNumber.bytes(UInt32(payload.count)) + payload
  }

  /// The request of `type` with `payload`.
  init(type: UInt32, payload: [UInt8]) throws(ControlError) {
    switch type {
    case TypeNumber.balloon where payload.count == 4:
      self = .balloon(deltaMiB: Int32(bitPattern: WireNumber.number(payload[...])))
    case TypeNumber.debug:
      guard let debug = ControlDebug(encoded: payload) else {
        throw .badPayload(type: type, byteCount: payload.count)
      }
      self = .debug(debug)
    case TypeNumber.statistics where payload.isEmpty: self = .statistics
    case TypeNumber.pause where payload.isEmpty: self = .pause
    case TypeNumber.resume where payload.isEmpty: self = .resume
    case TypeNumber.stop where payload.isEmpty: self = .stop
    case TypeNumber.processID where payload.isEmpty: self = .processID
    case TypeNumber.state where payload.isEmpty: self = .state
    case TypeNumber.powerButton where payload.isEmpty: self = .powerButton
    case TypeNumber.balloon...TypeNumber.powerButton: throw .badPayload(type: type, byteCount: payload.count)
    default: throw .unknownRequest(type)
    }
  }
}

/// Reads and writes 32-bit numbers of control messages, little-endian.
enum WireNumber {
  static func bytes(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32($0 * 8)) }
  }

  /// The number in the first four bytes; missing bytes count as zero.
  static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
