import Foundation

/// The calibrations of this user: a JSON file for each host and scenario below a cache folder.
struct CalibrationStore: Sendable {
  /// The folder, which need not exist.
  let folder: String

  /// The folder in the user's cache: `$XDG_CACHE_HOME/vext/calibration`.
  static let inUserCache = CalibrationStore(folder: "\(userCacheFolder)/calibration")

  /// The folder of files that bench can make again.
  static var userCacheFolder: String {
    let environment = ProcessInfo.processInfo.environment
    if let folder = environment["XDG_CACHE_HOME"], folder.hasPrefix("/") { return "\(folder)/vext" }
    return "\(environment["HOME"] ?? NSHomeDirectory())/.cache/vext"
  }

  /// The file of the calibration of `host` by a scenario.
  func path(host: HostIdentity, fingerprint: String) -> String {
    "\(folder)/\(host.fileStem).\(fingerprint).json"
  }

  /// Writes `calibration` to `path`, or to its own place.
  func save(_ calibration: Calibration, to path: String? = nil) throws -> String {
    let path = path ?? self.path(host: calibration.host, fingerprint: calibration.scenarioFingerprint)
    do {
      try FileManager.default.makeParentFolder(of: path)
      try calibration.encoded().write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw BenchFailure("cannot write \(path): \(error.plainWords)", exitCode: .cannotCreate)
    }
    return path
  }

  /// The calibration in the file at `path`.
  static func load(_ path: String) throws -> Calibration {
    do {
      let calibration = try JSONDecoder().decode(
        Calibration.self, from: Data(contentsOf: URL(filePath: path)))
      guard calibration.formatVersion == Calibration.currentFormatVersion else {
        throw BenchFailure(
          "\(path) is a calibration of format \(calibration.formatVersion); run bench calibrate again",
          exitCode: .dataError)
      }
      return calibration
    } catch let error as DecodingError {
      throw BenchFailure(
        "\(path) is not a calibration: \(error.reason); make it again with bench calibrate",
        exitCode: .dataError)
    } catch let error as BenchFailure {
      throw error
    } catch {
      throw BenchFailure("cannot read \(path): \(error.plainWords)", exitCode: .noInput)
    }
  }

  /// The stored entries of `host`, the newest of each configuration and metric.
  func calibrations(of host: HostIdentity) throws -> [Calibration] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let own = names.filter { $0.hasPrefix(host.fileStem + ".") && $0.hasSuffix(".json") }
    return try own.map { try Self.load("\(folder)/\($0)") }.filter { $0.host == host }
      .sorted { $0.createdAt > $1.createdAt }
  }
}
