/// The error of a `--network` option, as a sentence without the option's name.
public enum NetworkOptionError: Error, Equatable, CustomStringConvertible, Sendable {
  /// The option is empty, or has nothing between two commas.
  case empty
  /// A key without a value.
  case noValue(key: String)
  /// The key does not exist.
  case unknownKey(String)
  /// The key is given twice.
  case repeated(key: String)
  /// The value is invalid.
  case invalid(key: String, value: String, wanted: String)
  /// The key has no meaning with another value.
  case conflict(key: String, with: String)
  /// kvmtool has this feature, but lkvm has not.
  case notSupported(String)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .empty: "an empty setting; wanted KEY=VALUE[,KEY=VALUE...]"
    case .noValue(let key): "\(key) without a value; wanted \(key)=VALUE"
    case .unknownKey(let key):
      "unknown key '\(key)'; known are \(NetworkOptions.keys.joined(separator: ", "))"
    case .repeated(let key): "\(key) is given twice"
    case .invalid(let key, let value, let wanted): "\(key)=\(value): wanted \(wanted)"
    case .conflict(let key, let other): "\(key) has no meaning with \(other)"
    case .notSupported(let what): "\(what) is not supported"
    }
  }
}
