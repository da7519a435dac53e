import Foundation

/// What a window that is open publishes once a second, in a file beside its rows.
struct LiveSample: Codable, Equatable, Sendable {
  /// The file's length: it is written as a whole, at one place, so that a reader finds no half of it.
  static let byteCount = 256
  /// The end of the file's name.
  static let nameEnd = ".live"
  /// A file that is older belongs to a boot that was killed.
  static let secondLimit = 5.0

  /// The data path.
  let title: String
  /// Requests of all guests since the window opened.
  let requests: UInt64
  /// Requests per second since the sample before.
  let iops: Double
  /// How long the window has been open.
  let seconds: Double

  /// The file's content: JSON, and spaces up to its length; nil if the title is too long for it.
  var encoded: [UInt8]? {
    // A number that JSON has no word for, of a guest that wrote nonsense.
    guard let data = try? JSONEncoder().encode(self), data.count < Self.byteCount else { return nil }
    return Array(data) + [UInt8](repeating: UInt8(ascii: " "), count: Self.byteCount - data.count - 1) + [10]
  }

  /// The sample in the file at `path`; nil if there is none that is whole and fresh.
  static func read(_ path: String, now: Date = Date()) -> LiveSample? {
    guard let changed = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date,
      abs(now.timeIntervalSince(changed)) <= secondLimit,
      let handle = try? FileHandle(forReadingFrom: URL(filePath: path))
    else { return nil }
    // Nothing was written through it.
    defer { try? handle.close() }
    guard let data = try? handle.read(upToCount: byteCount), data.count == byteCount else { return nil }
    return try? JSONDecoder().decode(LiveSample.self, from: data)
  }
}
