import Foundation

/// A fio job file of the user's.
///
/// It is handed to fio as it is, but for what names files and their size: those are the file that bench made.
struct FioJobFile: Codable, Equatable, Sendable {
  /// The file's name, without its folder.
  let name: String
  /// Its text.
  let source: String

  /// What decides which file is used, and how much of it.
  private static let replaced: Set<String> = [
    "filename", "directory", "filename_format", "size", "filesize", "file_size", "nrfiles", "opendir",
  ]
  private static let byteCountLimit: UInt64 = 1 << 20

  /// A job file with this text.
  init(name: String, source: String) {
    self.name = name
    self.source = source
  }

  /// Reads the file at `path`.
  ///
  /// - Throws: ``BenchFailure`` if it cannot be read, is no text, is larger than 1 MiB, or has no job.
  init(path: String) throws {
    let size = try DiskSize.byteCount(path)
    guard size <= Self.byteCountLimit else {
      throw BenchFailure("the job file \(path) is larger than 1 MiB", exitCode: .dataError)
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw BenchFailure("cannot read the job file \(path)", exitCode: .noInput)
    }
    guard let text = String(data: data, encoding: .utf8), !text.utf8.contains(0) else {
      throw BenchFailure("the job file \(path) is no text", exitCode: .dataError)
    }
    self.init(name: (path as NSString).lastPathComponent, source: text)
    guard firstJob != nil else {
      throw BenchFailure(
        "the job file \(path) has no job: a section [NAME] besides [global]", exitCode: .dataError)
    }
  }

  /// The text for a file at `target`, of which `byteCount` bytes are used.
  func text(for target: String, byteCount: UInt64) -> String {
    let kept = lines.filter { line in
      if case .option(let key, _) = Self.parse(line) { return !Self.replaced.contains(key) }
      return true
    }
    return (["[global]", "filename=\(target)", "size=\(byteCount)"] + kept).joined(separator: "\n") + "\n"
  }

  /// fio's `rw` of the first job; fio's own default is `read`.
  var rw: String { value("rw") ?? value("readwrite") ?? "read" }
  /// fio's `bs` of the first job; fio's own default is 4 KiB. Of several, the first.
  var blockByteCount: UInt64 {
    let text = (value("bs") ?? value("blocksize") ?? "4k").split(whereSeparator: { ",-:/".contains($0) })
      .first
    return text.flatMap { ByteSize(String($0)) }?.byteCount ?? 0
  }
  /// fio's `iodepth` of the first job.
  var iodepth: Int { value("iodepth").flatMap(Int.init) ?? 1 }
  /// fio's `direct` of the first job.
  var isDirect: Bool { value("direct").map { $0.isEmpty || $0 == "1" } ?? (value("buffered") == "0") }
  /// fio's `ioengine` of the first job; empty where it leaves that to fio.
  var ioengine: String { value("ioengine") ?? "" }

  private var lines: [String] {
    source.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.last == "\r" ? String($0.dropLast()) : String($0) }
  }

  private enum Line {
    case section(String)
    case option(key: String, value: String)
    case other
  }

  private static func parse(_ line: String) -> Line {
    let text = line.trimmingCharacters(in: .whitespaces)
    guard let first = text.first, first != "#", first != ";" else { return .other }
    if first == "[" { return .section(String(text.dropFirst().prefix { $0 != "]" })) }
    let key = text.prefix { $0 != "=" }
    let value = text.dropFirst(key.count).dropFirst()
    return .option(
      key: key.trimmingCharacters(in: .whitespaces).lowercased(),
      value: value.trimmingCharacters(in: .whitespaces))
  }

  /// The name of the first section that is a job.
  private var firstJob: String? {
    for line in lines {
      if case .section(let name) = Self.parse(line), name != "global" { return name }
    }
    return nil
  }

  /// What `key` is for the first job: what it says itself, or the global sections before it.
  private func value(_ key: String) -> String? {
    var found: String?
    var isInJob = false
    for line in lines {
      switch Self.parse(line) {
      case .section(let name):
        if isInJob { return found }
        isInJob = name != "global"
      case .option(key, let value): found = value
      case .option, .other: continue
      }
    }
    return found
  }
}
