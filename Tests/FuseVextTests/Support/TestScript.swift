/// A script beside the tests.
enum TestScript {
  static func path(_ name: String, beside file: String = #filePath) -> String {
    file.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/Scripts/\(name).py"
  }
}
