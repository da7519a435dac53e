/// What is wrong with a `--network` option, in a sentence.
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
    case .empty: "--network: an empty setting; wanted KEY=VALUE[,KEY=VALUE...]"
    case .noValue(let key): "--network: \(key) without a value; wanted \(key)=VALUE"
    case .unknownKey(let key):
      "--network: unknown key '\(key)'; known are \(NetworkOptions.keys.joined(separator: ", "))"
    case .repeated(let key): "--network: \(key) is given twice"
    case .invalid(let key, let value, let wanted): "--network: \(key)=\(value): wanted \(wanted)"
    case .conflict(let key, let other): "--network: \(key) has no meaning with \(other)"
    case .notSupported(let what): "--network: \(what) is not supported yet"
    }
  }
}
