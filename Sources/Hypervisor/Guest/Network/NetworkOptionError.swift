/// What is wrong with a `--network` option, in a sentence without the option's name.
public enum NetworkOptionError: Error, Equatable, CustomStringConvertible, Sendable {
  /// Nothing, or nothing between two commas.
  case empty
  /// A key without a value.
  case noValue(key: String)
  /// No such key.
  case unknownKey(String)
  /// A key that may be given once.
  case repeated(key: String)
  /// A value that cannot be.
  case invalid(key: String, value: String, wanted: String)
  /// A key that has no meaning together with another value.
  case conflict(key: String, with: String)
  /// Something that kvmtool has and this does not.
  case notSupported(String)

  /// One line for a person.
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
