import CGuest

extension Kernel {
  /// How a file is opened: open(2).
  struct OpenFlags: OptionSet {
    let rawValue: UInt64
    static var readWrite: Self { Self(rawValue: 2) }
    static var writeOnly: Self { Self(rawValue: 1) }
    static var create: Self { Self(rawValue: 0o100) }
    static var truncate: Self { Self(rawValue: 0o1000) }
    static var noControllingTerminal: Self { Self(rawValue: 0o400) }
    static var closeOnExec: Self { Self(rawValue: 0o2000000) }
  }

  static func open(
    _ path: Text, _ flags: OpenFlags = [.closeOnExec], mode: UInt64 = 0o644
  ) throws(Errno) -> UInt64 {
    try call(.open, path.address, flags.rawValue, mode)
  }

  static func close(_ file: UInt64) { attempt(.close, file) }

  static func read(
    _ file: UInt64, into target: UnsafeMutablePointer<UInt8>, byteCount: Int
  ) throws(Errno) -> Int {
    let address = UInt64(UInt(bitPattern: target))
    return Int(truncatingIfNeeded: try call(.read, file, address, UInt64(byteCount)))
  }

  /// Reads at a place of its own, whatever was read before.
  static func read(
    _ file: UInt64, into target: UnsafeMutablePointer<UInt8>, byteCount: Int, at offset: UInt64
  ) throws(Errno) -> Int {
    let address = UInt64(UInt(bitPattern: target))
    return Int(truncatingIfNeeded: try call(.pread, file, address, UInt64(byteCount), offset))
  }

  /// The next entries of a directory, as getdents64(2) has them; 0 at its end.
  static func readDirectory(
    _ file: UInt64, into target: UnsafeMutablePointer<UInt8>, byteCount: Int
  ) throws(Errno) -> Int {
    let address = UInt64(UInt(bitPattern: target))
    return Int(truncatingIfNeeded: try call(.getDirectoryEntries, file, address, UInt64(byteCount)))
  }

  static func write(_ file: UInt64, _ text: Text) throws(Errno) {
    var rest = text
    while !rest.isEmpty {
      let written = try call(.write, file, rest.address, UInt64(rest.count))
      rest = rest.dropFirst(Int(truncatingIfNeeded: written))
    }
  }

  /// Creates or replaces the file at `path`.
  static func writeFile(_ path: Text, _ contents: Text, mode: UInt64 = 0o644) throws(Errno) {
    let file = try open(path, [.writeOnly, .create, .truncate, .closeOnExec], mode: mode)
    defer { close(file) }
    try write(file, contents)
  }

  static func status(of path: Text) throws(Errno) -> init_status {
    var status = init_status()
    let result = withAddress(of: &status) { address in
      init_system_call(Call.stat.rawValue, path.address, address, 0, 0, 0)
    }
    _ = try Self.result(result)
    return status
  }

  static func exists(_ path: Text) -> Bool { attempt(.access, path.address, 0) }

  /// Whether another file system is mounted on `path` than its parent is on.
  static func isMountPoint(_ path: Text, below parent: Text = "/") -> Bool {
    do throws(Errno) {
      return try status(of: path).device != status(of: parent).device
    } catch {
      return false
    }
  }

  /// Makes a directory; that it is there already is no error.
  static func makeDirectory(_ path: Text, mode: UInt64 = 0o755) throws(Errno) {
    do {
      try call(.mkdir, path.address, mode)
    } catch {
      guard error == .exists else { throw error }
    }
  }

  /// What a mount is to be: mount(2).
  struct MountFlags: OptionSet {
    let rawValue: UInt64
    static var readOnly: Self { Self(rawValue: 1) }
    static var noSetUserID: Self { Self(rawValue: 2) }
    static var noDevices: Self { Self(rawValue: 4) }
    static var noExecution: Self { Self(rawValue: 8) }
    static var move: Self { Self(rawValue: 8192) }
  }

  static func mount(
    _ source: Text, on target: Text, type: Text, _ flags: MountFlags = [], options: Text = ""
  ) throws(Errno) {
    try call(.mount, source.address, target.address, type.address, flags.rawValue, options.address)
  }

  static func sleep(milliseconds: Int64) {
    var time = init_time(seconds: milliseconds / 1000, nanoseconds: milliseconds % 1000 * 1_000_000)
    withAddress(of: &time) { _ = attempt(.nanosleep, $0) }
  }
}
