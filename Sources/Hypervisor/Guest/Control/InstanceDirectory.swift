import CLinux
import Glibc
import HostSystem
import SystemPackage

/// A running machine in the output of `list`.
public struct RunningInstance: Equatable, Sendable {
  /// The machine's name.
  public var name: String
  /// The machine's process id; nil if it did not answer.
  public var processID: Int32?
  /// Whether the machine is paused; nil if it did not answer.
  public var state: ControlState?
}

/// Where running machines are found by name: one socket NAME.sock for each in a directory of the user's.
///
/// Adding and removing sockets locks the directory, so that no socket counts as dead while it is being created.
public struct InstanceDirectory: Sendable {
  private static let suffix = ".sock"
  /// Time for which `list` waits for each machine.
  private static let listTimeoutMilliseconds: UInt64 = 2500

  /// The path of the directory, which need not exist yet.
  public let path: String

  /// The directory at `path`.
  public init(path: String) { self.path = path }

  /// LKVM_HOME if that is set, else .lkvm in HOME.
  public init(variable: (_ name: String) -> String?) throws(InstanceError) {
    if let path = variable("LKVM_HOME"), !path.isEmpty {
      self.init(path: path)
    } else if let home = variable("HOME"), !home.isEmpty {
      self.init(path: home + "/.lkvm")
    } else {
      throw .noHome
    }
  }

  /// Whether a machine can have the name.
  public static func accepts(name: String) -> Bool {
    let isPlain = name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
    return !name.isEmpty && !name.hasPrefix(".") && isPlain
  }

  /// The path of the socket of the machine `name`.
  public func socketPath(of name: String) throws(InstanceError) -> String {
    guard Self.accepts(name: name) else { throw .badName(name) }
    let path = "\(path)/\(name)\(Self.suffix)"
    let excess = path.utf8.count - UnixSocket.pathByteLimit
    guard excess <= 0 else { throw .nameTooLong(name, byteLimit: max(0, name.utf8.count - excess)) }
    return path
  }

  /// Claims `name` for a machine of this process, as long as the listener lives.
  ///
  /// Replaces a socket that a dead process left behind.
  public func claim(_ name: String) throws(InstanceError) -> ControlListener {
    let path = try socketPath(of: name)
    let lock = try lock(creates: true)
    try checkRights()
    defer { extendLifetime(lock) }
    switch try occupant(of: path) {
    case .nobody: break
    case .machine: throw .nameInUse(name)
    case .dead: try remove(path)
    case .otherFile: throw .notASocket(path: path)
    }
    do throws(Errno) {
      return ControlListener(name: name, path: path, socket: try UnixSocket.listening(path: path))
    } catch {
      throw .system(path: path, error)
    }
  }

  /// Connects to the machine `name`.
  public func connect(
    to name: String, timeoutMilliseconds: UInt64 = ControlClient.defaultTimeoutMilliseconds
  ) throws(InstanceError) -> ControlClient {
    let path = try socketPath(of: name)
    try checkRights()
    do throws(ControlError) {
      return try ControlClient(path: path, timeoutMilliseconds: timeoutMilliseconds)
    } catch {
      switch error {
      case .notRunning: throw .notRunning(name)
      default: throw .control(name: name, error)
      }
    }
  }

  /// Returns the running machines, by name, and removes the sockets of dead ones.
  public func runningInstances() throws(InstanceError) -> [RunningInstance] {
    let names: [String]
    do throws(InstanceError) { names = try removeDead() } catch {
      // There is no directory before the first machine starts.
      if error == .system(path: path, .noSuchFileOrDirectory) { return [] }
      throw error
    }
    return names.map { name in
      var instance = RunningInstance(name: name)
      do throws(InstanceError) {
        let client = try connect(to: name, timeoutMilliseconds: Self.listTimeoutMilliseconds)
        do throws(ControlError) {
          instance.processID = try client.processID()
          instance.state = try client.state()
        } catch {
          return instance
        }
      } catch {
        // The machine has just ended or does not answer: it is listed without process id and state.
        return instance
      }
      return instance
    }
  }

  /// Removes the socket of the machine `name` if nobody listens there any more.
  public func removeSocket(ofDead name: String) throws(InstanceError) {
    let path = try socketPath(of: name)
    let lock = try lock(creates: false)
    try checkRights()
    defer { extendLifetime(lock) }
    if try occupant(of: path) == .dead { try remove(path) }
  }

  /// Removes the sockets without a listener, and returns the names of the others.
  private func removeDead() throws(InstanceError) -> [String] {
    let lock = try lock(creates: false)
    try checkRights()
    defer { extendLifetime(lock) }
    var alive: [String] = []
    for name in try names() {
      let path = try socketPath(of: name)
      switch try occupant(of: path) {
      case .machine: alive.append(name)
      case .dead: try remove(path)
      case .nobody, .otherFile: break
      }
    }
    return alive
  }

  /// Throws if other users can write to the directory, because one of them could then listen there. Accepts a missing directory.
  private func checkRights() throws(InstanceError) {
    if NamedFiles.isWritableByOthers(path) { throw .writableByOthers(path: path) }
  }

  private func lock(creates: Bool) throws(InstanceError) -> DirectoryLock {
    do throws(Errno) { return try DirectoryLock(path: path, creates: creates) } catch {
      throw .system(path: path, error)
    }
  }

  private enum Occupant {
    case nobody
    case machine
    case dead
    case otherFile
  }

  private func occupant(of path: String) throws(InstanceError) -> Occupant {
    do throws(Errno) {
      guard try UnixSocket.isSocket(path: path) else { return .otherFile }
      _ = try UnixSocket.connected(path: path)
      return .machine
    } catch {
      switch error {
      case .noSuchFileOrDirectory: return .nobody
      case .connectionRefused: return .dead
      case .wouldBlock: return .machine
      default: throw .system(path: path, error)
      }
    }
  }

  private func remove(_ path: String) throws(InstanceError) {
    do throws(Errno) { try UnixSocket.remove(path: path) } catch { throw .system(path: path, error) }
  }

  /// The names of the files that are sockets of machines, without ".sock".
  private func names() throws(InstanceError) -> [String] {
    let files: [String]
    do throws(Errno) { files = try DirectoryNames.read(path) } catch { throw .system(path: path, error) }
    return files.filter { $0.hasSuffix(Self.suffix) }.map { String($0.dropLast(Self.suffix.count)) }
      .filter { (try? socketPath(of: $0)) != nil }.sorted()
  }
}
