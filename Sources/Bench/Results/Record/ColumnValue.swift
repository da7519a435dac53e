import Hypervisor

/// The value of a column in a row.
enum FieldValue: Hashable, Sendable {
  /// Not known, or it does not apply: an empty field in CSV, no key in JSON.
  case unknown
  case text(String)
  case flag(Bool)
  case integer(Int)
  case count(UInt64)
  case number(Double)

  /// The kinds of values that are known.
  enum Kind: Sendable {
    case text
    case flag
    case integer
    case count
    case number
  }
}

/// A type that the values of a column can have.
protocol ColumnValue: Sendable {
  static var kind: FieldValue.Kind { get }

  /// The value that `field` holds; nil if it is of another kind, or none of the type's words.
  init?(_ field: FieldValue)

  var field: FieldValue { get }
}

extension String: ColumnValue {
  static var kind: FieldValue.Kind { .text }

  init?(_ field: FieldValue) {
    guard case .text(let text) = field else { return nil }
    self = text
  }

  var field: FieldValue { .text(self) }
}

extension Bool: ColumnValue {
  static var kind: FieldValue.Kind { .flag }

  init?(_ field: FieldValue) {
    guard case .flag(let flag) = field else { return nil }
    self = flag
  }

  var field: FieldValue { .flag(self) }
}

extension Int: ColumnValue {
  static var kind: FieldValue.Kind { .integer }

  init?(_ field: FieldValue) {
    guard case .integer(let number) = field else { return nil }
    self = number
  }

  var field: FieldValue { .integer(self) }
}

extension UInt64: ColumnValue {
  static var kind: FieldValue.Kind { .count }

  init?(_ field: FieldValue) {
    guard case .count(let number) = field else { return nil }
    self = number
  }

  var field: FieldValue { .count(self) }
}

extension Double: ColumnValue {
  static var kind: FieldValue.Kind { .number }

  init?(_ field: FieldValue) {
    guard case .number(let number) = field else { return nil }
    self = number
  }

  var field: FieldValue { .number(self) }
}

extension Optional: ColumnValue where Wrapped: ColumnValue {
  static var kind: FieldValue.Kind { Wrapped.kind }

  init?(_ field: FieldValue) {
    if field == .unknown {
      self = .none
    } else if let value = Wrapped(field) {
      self = .some(value)
    } else {
      return nil
    }
  }

  var field: FieldValue { self?.field ?? .unknown }
}

extension ColumnValue where Self: RawRepresentable, RawValue == String {
  static var kind: FieldValue.Kind { .text }

  init?(_ field: FieldValue) {
    guard case .text(let text) = field else { return nil }
    self.init(rawValue: text)
  }

  var field: FieldValue { .text(rawValue) }
}

extension BlockEngineKind: ColumnValue {}
extension DataPathMode: ColumnValue {}
extension ExitCounting: ColumnValue {}
extension GuestFileSystem: ColumnValue {}
extension GuestKind: ColumnValue {}
extension KVMBackend: ColumnValue {}
extension VMM: ColumnValue {}
