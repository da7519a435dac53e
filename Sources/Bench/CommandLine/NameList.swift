import ArgumentParser

/// One or more names of a kind, separated by commas.
struct NameList<Name: RawRepresentable<String> & CaseIterable & Sendable>: ExpressibleByArgument, Sendable {
  /// The values, in the order given.
  let values: [Name]

  /// The list of `values`.
  init(_ values: [Name]) { self.values = values }

  /// The values that `argument` names, or nil if one of them does not exist.
  init?(argument: String) {
    var values: [Name] = []
    for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let value = Name(rawValue: String(name)) else { return nil }
      values.append(value)
    }
    self.values = values
  }

  /// The first name that is there twice; nil if none is.
  var firstDuplicate: String? {
    var seen: Set<String> = []
    return values.lazy.map(\.rawValue).first { !seen.insert($0).inserted }
  }

  static var allValueStrings: [String] { Name.allCases.map(\.rawValue) }

  var defaultValueDescription: String { values.map(\.rawValue).joined(separator: ",") }
}
