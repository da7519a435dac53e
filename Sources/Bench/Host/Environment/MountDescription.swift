/// The file system that holds a file.
struct MountDescription: Codable, Equatable, Sendable {
  /// Its type: `ext4`, `tmpfs`.
  var type: String
  /// What is mounted: a device, for those that have one.
  var source: String
  /// Where.
  var mountPoint: String
  /// Options of the mount.
  var options: String
  /// Options of the file system itself.
  var superOptions: String
  /// Its size, in bytes; nil if the system does not say.
  var byteCount: UInt64?
  /// What an unprivileged user may still fill, in bytes.
  var availableByteCount: UInt64?

  /// The names in the JSON file.
  enum CodingKeys: String, CodingKey {
    case type
    case source
    case mountPoint = "mount_point"
    case options
    case superOptions = "super_options"
    case byteCount = "bytes"
    case availableByteCount = "available_bytes"
  }
}

extension MountDescription {
  /// The mount that `path` lies in, from the lines of /proc/self/mountinfo (proc(5)): of those whose mount point is a
  /// beginning of it the longest, and of two on the same place the later, which hides the other.
  ///
  /// - Parameter path: Absolute, every link on the way followed.
  init?(of path: String, mounts: [String]) {
    var best: MountDescription?
    for line in mounts {
      guard let mount = MountDescription(line), Self.holds(mount.mountPoint, path) else { continue }
      if mount.mountPoint.utf8.count >= best?.mountPoint.utf8.count ?? 0 { best = mount }
    }
    guard let best else { return nil }
    self = best
  }

  /// `27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard`: the optional fields end with the dash.
  private init?(_ line: String) {
    let words = line.split(separator: " ").map(String.init)
    guard let dash = words.dropFirst(6).firstIndex(of: "-"), words.count >= dash + 4 else { return nil }
    self.init(
      type: words[dash + 1], source: Self.unescaped(words[dash + 2]), mountPoint: Self.unescaped(words[4]),
      options: words[5], superOptions: Self.unescaped(words[dash + 3]))
  }

  private static func holds(_ mountPoint: String, _ path: String) -> Bool {
    mountPoint == "/" || path == mountPoint || path.hasPrefix("\(mountPoint)/")
  }

  /// Space, tab, line feed and backslash are written as a backslash and three octal digits.
  private static func unescaped(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
