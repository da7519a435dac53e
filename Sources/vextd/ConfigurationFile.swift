import HostSystem
import Hypervisor
import SystemPackage

/// What `--config FILE` says: lines `NAME = VALUE` with the names of the options; `#` begins a comment.
struct ConfigurationFile: Equatable {
  private(set) var socket: String?
  private(set) var metrics: String?
  private(set) var disks: [ServedDiskOption] = []
  private(set) var vhostUser: [VhostUserOption] = []
  private(set) var threads: Int?
  private(set) var engine: String?
  private(set) var neverSleeps = false
  private(set) var neverOffloads = false
  private(set) var neverRebalances = false

  /// Why a file is not a configuration: one line with its number.
  struct Failure: Error, Equatable {
    let description: String
  }

  private static let byteLimit = 1 << 20

  init() {}

  /// Reads the file at `path`.
  init(path: String) throws {
    let bytes: [UInt8]
    do { bytes = try Self.contents(of: path) } catch {
      throw VextdFailure(description: "--config \(path): \(error)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(description: "--config \(path): not UTF-8 text")
    }
    do throws(Failure) { try self.init(text: text) } catch {
      throw Failure(description: "--config \(path): \(error.description)")
    }
  }

  /// Reads the lines of `text`.
  init(text: String) throws(Failure) {
    var seen: Set<String> = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let words = Self.trimmed(line.prefix { $0 != "#" })
      if words.isEmpty { continue }
      let parts = words.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw Failure(description: "line \(index + 1): wanted NAME = VALUE, found '\(words)'")
      }
      let (name, value) = (String(Self.trimmed(parts[0])), String(Self.trimmed(parts[1])))
      guard name == "disk" || name == "vhost-user" || seen.insert(name).inserted else {
        throw Failure(description: "line \(index + 1): '\(name)' comes twice")
      }
      guard set(name, value) else {
        throw Failure(
          description:
            "line \(index + 1): '\(name) = \(value)'; the names are socket, metrics, disk, vhost-user, threads, "
            + "engine, no-sleep, no-offload and no-rebalance, with the values of the options")
      }
    }
  }

  /// Takes one setting; false if there is none of that name, or it cannot have that value.
  private mutating func set(_ name: String, _ value: String) -> Bool {
    switch name {
    case "socket" where !value.isEmpty: socket = value
    case "metrics" where !value.isEmpty: metrics = value
    case "disk":
      guard let disk = ServedDiskOption(argument: value) else { return false }
      disks.append(disk)
    case "vhost-user":
      guard let socket = VhostUserOption(argument: value) else { return false }
      vhostUser.append(socket)
    case "threads":
      guard let count = Int(value), ServeCommand.threadLimits.contains(count) else { return false }
      threads = count
    case "engine" where BlockEngineKind(rawValue: value) != nil: engine = value
    case "no-sleep" where value == "yes" || value == "no": neverSleeps = value == "yes"
    case "no-offload" where value == "yes" || value == "no": neverOffloads = value == "yes"
    case "no-rebalance" where value == "yes" || value == "no": neverRebalances = value == "yes"
    default: return false
    }
    return true
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }

  private static func contents(of path: String) throws -> [UInt8] {
    let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
    return try file.closeAfter {
      var bytes: [UInt8] = []
      while bytes.count < byteLimit {
        let part = try unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
          count = unsafe try file.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
        if part.isEmpty { return bytes }
        bytes += part
      }
      throw Errno.fileTooLarge
    }
  }
}
