import Foundation

/// Reads a fio job file by fio's own rules, and resolves `include` and `${NAME}` on this host.
///
/// fio in the guest sees neither the host's environment nor the folder of the job file.
struct FioJobReader {
  /// A section with its options, as the file has them.
  struct Section: Equatable {
    let name: String
    var options: [FioJobOption] = []

    /// Whether fio treats the section as global, by the first six letters of its name.
    var isGlobal: Bool { name.hasPrefix("global") }
  }

  /// The sections, in the file's order.
  private(set) var sections: [Section] = []
  private let environment: [String: String]
  private var byteCount = 0

  private static let byteCountLimit = 1 << 20
  private static let depthLimit = 8

  /// Reads the file at `path`.
  ///
  /// - Parameter environment: What `${NAME}` stands for.
  /// - Throws: ``BenchFailure`` that names file and line.
  init(path: String, environment: [String: String]) throws(BenchFailure) {
    self.environment = environment
    try read(path, depth: 0)
  }

  /// Reads `text`, which includes no file.
  init(text: String, environment: [String: String] = [:]) throws(BenchFailure) {
    self.environment = environment
    try parse(text, path: "job file", depth: Self.depthLimit)
  }

  private mutating func read(_ path: String, depth: Int) throws(BenchFailure) {
    let data = try contents(path)
    byteCount += data.count
    guard byteCount <= Self.byteCountLimit else {
      throw BenchFailure("the job file \(path) is larger than 1 MiB", exitCode: .dataError)
    }
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let text = String(data: data.starts(with: mark) ? data.dropFirst(mark.count) : data, encoding: .utf8)
    guard let text else {
      throw BenchFailure("the job file \(path) is not UTF-8 text", exitCode: .dataError)
    }
    try parse(text, path: path, depth: depth)
  }

  private func contents(_ path: String) throws(BenchFailure) -> Data {
    let url = URL(filePath: path).resolvingSymlinksInPath()
    do {
      let values = try url.resourceValues(forKeys: [.isRegularFileKey])
      guard values.isRegularFile == true else {
        throw BenchFailure("the job file \(path) is not a regular file", exitCode: .noInput)
      }
      let file = try FileHandle(forReadingFrom: url)
      return try file.read(upToCount: Self.byteCountLimit + 1) ?? Data()
    } catch let failure as BenchFailure {
      throw failure
    } catch {
      throw BenchFailure(
        "cannot read the job file \(path): \(error.plainWords)", exitCode: .noInput)
    }
  }

  private mutating func parse(_ text: String, path: String, depth: Int) throws(BenchFailure) {
    // A carriage return and a line feed are one Character.
    let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, scalars) in lines.enumerated() {
      let place = "\(path):\(index + 1)"
      let uncommented = Self.uncommented(String(scalars))
      guard !uncommented.utf8.contains(where: CSVText.isControl) else {
        // Names of sections become fields of rows, which hold none.
        throw BenchFailure("\(place): the line holds a control character", exitCode: .dataError)
      }
      let line = uncommented.trimmingCharacters(in: .whitespacesAndNewlines)
      guard !line.isEmpty else { continue }
      if line.hasPrefix("[") {
        guard depth == 0 || path == "job file" else {
          throw BenchFailure("\(place): an included file cannot have sections", exitCode: .dataError)
        }
        guard line.hasSuffix("]"), line.count > 2 else {
          throw BenchFailure("\(place): '\(line)' is not a section: [NAME]", exitCode: .dataError)
        }
        sections.append(Section(name: String(line.dropFirst().dropLast())))
      } else if sections.isEmpty {
        throw BenchFailure("\(place): '\(line)' is outside of a section", exitCode: .dataError)
      } else if let name = Self.includedName(line) {
        try include(name, from: path, place: place, depth: depth)
      } else {
        sections[sections.count - 1].options.append(FioJobOption(line: try substituted(line, place: place)))
      }
    }
  }

  /// A line without its comment: fio ends a line at the first `;` or `#`, wherever that is.
  private static func uncommented(_ line: String) -> Substring { line.prefix { $0 != ";" && $0 != "#" } }

  private static func includedName(_ line: String) -> String? {
    let word = "include"
    guard line.hasPrefix(word), let next = line.dropFirst(word.count).first, next == " " || next == "\t"
    else { return nil }
    return line.dropFirst(word.count).trimmingCharacters(in: .whitespaces)
  }

  /// Takes the options of a file whose name is relative to the working directory or, if nothing is there, to the file that
  /// includes it.
  private mutating func include(
    _ name: String, from path: String, place: String, depth: Int
  ) throws(BenchFailure) {
    guard depth < Self.depthLimit else {
      throw BenchFailure("\(place): files include each other \(depth) levels deep", exitCode: .dataError)
    }
    let folder = path.parentFolder
    let beside = folder.isEmpty ? name : "\(folder)/\(name)"
    let found = [name, beside].first { FileManager.default.fileExists(atPath: $0) }
    guard let found else {
      throw BenchFailure("\(place): cannot find the included file \(name)", exitCode: .noInput)
    }
    try read(found, depth: depth + 1)
  }

  private func substituted(_ line: String, place: String) throws(BenchFailure) -> String {
    var result = ""
    var rest = line[...]
    while let start = rest.firstRange(of: "${") {
      guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
        throw BenchFailure("\(place): '${' has no '}'", exitCode: .dataError)
      }
      let name = String(rest[start.upperBound..<end])
      guard let value = environment[name] else {
        throw BenchFailure("\(place): the environment variable \(name) is not set", exitCode: .dataError)
      }
      guard !value.unicodeScalars.contains(where: CharacterSet.controlCharacters.contains) else {
        throw BenchFailure(
          "\(place): the environment variable \(name) holds a control character", exitCode: .dataError)
      }
      result += rest[..<start.lowerBound] + value
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }
}
