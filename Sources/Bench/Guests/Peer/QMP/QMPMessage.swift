import Foundation

/// What QEMU says on its monitor: one line of JSON.
enum QMPMessage: Equatable, Sendable {
  /// The first line, with the version.
  case greeting(version: String)
  /// The answer to the command with the number `id`.
  case result(id: UInt64, value: JSONValue)
  /// A command that failed, and why.
  case failure(id: UInt64?, reason: String)
  /// Something that happened.
  case event(name: String)
  /// What this reader does not know.
  case unknown

  /// Reads a line; nil if it is no JSON.
  init?(line: Data) {
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: line) else { return nil }
    if let greeting = value["QMP"] {
      self = .greeting(version: Self.version(greeting["version"]))
    } else if let result = value["return"], let id = value["id"]?.count {
      self = .result(id: id, value: result)
    } else if let error = value["error"] {
      self = .failure(id: value["id"]?.count, reason: error["desc"]?.string ?? "without a reason")
    } else if let name = value["event"]?.string {
      self = .event(name: name)
    } else {
      self = .unknown
    }
  }

  /// `7.2.22 (Debian 1:7.2+dfsg-7)`.
  private static func version(_ value: JSONValue?) -> String {
    let numbers = ["major", "minor", "micro"].map { name in
      value?["qemu"]?[name]?.count.map(String.init) ?? "?"
    }
    let package = value?["package"]?.string ?? ""
    return numbers.joined(separator: ".") + (package.isEmpty ? "" : " (\(package))")
  }
}
