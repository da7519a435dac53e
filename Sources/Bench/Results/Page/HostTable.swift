import Foundation

/// The whole description of a host, as its records have it, key by key.
enum HostTable {
  /// More values of one key than this are not listed.
  private static let longestList = 3

  /// The table of what `documents` say, or if there are none of what rows say.
  static func table(_ documents: [RunDocument], identity: HostIdentity) throws -> ReportTable {
    var table = ReportTable(headings: [.init(title: "key"), .init(title: "value")])
    guard !documents.isEmpty else {
      table.lines = [
        ["host_cpu", identity.cpu], ["host_kernel", identity.kernel], ["kvm_backend", identity.kvmBackend],
        ["numa_nodes", String(identity.numaNodes)],
      ]
      return table
    }
    var keys: [String] = []
    var values: [String: [String]] = [:]
    for document in documents {
      for (key, value) in try flat(document.host) {
        if values[key] == nil { keys.append(key) }
        if values[key]?.contains(value) != true { values[key, default: []].append(value) }
      }
    }
    table.lines = keys.sorted().map { [$0, listed(values[$0] ?? [])] }
    return table
  }

  private static func listed(_ values: [String]) -> String {
    let shown = values.prefix(longestList).joined(separator: "; ")
    return values.count > longestList
      ? "\(shown); and \(values.count - longestList) other values in other runs" : shown
  }

  /// Every value of `host`, named by its path in the JSON file.
  static func flat(_ host: HostDescription) throws -> [(String, String)] {
    flat(try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(host)), path: "")
  }

  private static func flat(_ value: JSONValue, path: String) -> [(String, String)] {
    switch value {
    case .null: return [(path, "")]
    case .bool(let value): return [(path, String(value))]
    case .integer(let value): return [(path, String(value))]
    case .number(let value): return [(path, String(value))]
    case .string(let value): return [(path, value)]
    case .array(let values):
      // Numbers in a row are read as one: load averages.
      let numbers = values.compactMap(\.double)
      if numbers.count == values.count { return [(path, numbers.map { "\($0)" }.joined(separator: " "))] }
      return values.enumerated().flatMap { flat($0.element, path: "\(path)[\($0.offset)]") }
    case .object(let members):
      return members.sorted { $0.key < $1.key }.flatMap {
        flat($0.value, path: path.isEmpty ? $0.key : "\(path).\($0.key)")
      }
    }
  }
}
