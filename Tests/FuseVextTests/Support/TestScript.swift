/// The programs in Python that tests start.
enum TestScript {
  private static let folder = (#filePath).split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" }

  /// The path of the script `name`.
  static func path(_ name: String) -> String { "\(folder)/Scripts/\(name).py" }
}
