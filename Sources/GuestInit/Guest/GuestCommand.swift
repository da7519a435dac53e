import CGuest

/// What the guest is to run: what lkvm passed, else kvmtool's sandbox script, else a shell.
// SAFETY: the pointers are into the arena, and each list ends with a null.
@safe
struct GuestCommand {
  private typealias PointerList = UnsafeMutablePointer<UnsafePointer<UInt8>?>

  private let arguments: UnsafeMutablePointer<UnsafePointer<UInt8>?>
  private let environment: UnsafeMutablePointer<UnsafePointer<UInt8>?>
  private let searchPath: Text
  private let directory: Text?
  private let program: Text

  private static var defaultSearchPath: Text {
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  }

  init(start: StartArguments, _ arena: inout InitArena) throws(Errno) {
    let command = try RootHandover.contents(of: RootHandover.command, &arena) ?? ""
    if Kernel.exists(RootHandover.script) {
      unsafe arguments = try Self.pointers(to: Records(command), after: RootHandover.script, &arena)
    } else if !command.isEmpty {
      unsafe arguments = try Self.pointers(to: Records(command), after: nil, &arena)
    } else if Kernel.exists("/virt/sandbox.sh") {
      unsafe arguments = try Self.pointers(to: Records(""), after: "/virt/sandbox.sh", &arena)
    } else {
      let hasBash = Kernel.exists("/bin/bash")
      unsafe arguments = try Self.pointers(
        to: Records("-l"), after: hasBash ? "/bin/bash" : "/bin/sh", &arena)
    }
    program = unsafe arguments[0].map { unsafe Text(start: $0) } ?? ""
    directory = try RootHandover.contents(of: RootHandover.directory, &arena)

    let passed = Records(try RootHandover.contents(of: RootHandover.environment, &arena) ?? "")
    let terminal = try arena.join("TERM=", start.variable("TERM=") ?? "linux")
    let list = unsafe try Self.pointers(to: passed, after: nil, spare: 4, &arena)
    let path = try arena.join("PATH=", Self.defaultSearchPath)
    let defaults: InlineArray<4, Text> = [terminal, "HOME=/root", "USER=root", path]
    for index in 0..<defaults.count { unsafe Self.append(defaults[index], to: list) }
    unsafe environment = list
    searchPath = unsafe Self.value("PATH=", in: list) ?? Self.defaultSearchPath
  }

  /// A list of pointers to `first` and the records, with room for `spare` more, and a null.
  private static func pointers(
    to records: Records, after first: Text?, spare: Int = 0, _ arena: inout InitArena
  ) throws(Errno) -> PointerList {
    let count = records.count + spare + 2
    let raw = unsafe UnsafeMutableRawPointer(try arena.take(count * MemoryLayout<UInt>.stride))
    let list = unsafe raw.bindMemory(to: UnsafePointer<UInt8>?.self, capacity: count)
    var index = 0
    if let first {
      unsafe list[0] = first.start
      index = 1
    }
    var rest = records
    while let record = rest.next() {
      unsafe list[index] = record.start
      index += 1
    }
    return unsafe list
  }

  /// Adds `variable` unless the list has one of that name.
  private static func append(_ variable: Text, to list: PointerList) {
    let nameEnd = (variable.index(of: UInt8(ascii: "=")) ?? 0) + 1
    var index = 0
    while let pointer = unsafe list[index] {
      let other = unsafe Text(start: pointer)
      var common = 0
      while common < nameEnd, other[common] == variable[common] { common += 1 }
      if common == nameEnd { return }
      index += 1
    }
    unsafe list[index] = variable.start
  }

  private static func value(_ name: Text, in list: PointerList) -> Text? {
    var index = 0
    while let pointer = unsafe list[index] {
      let variable = unsafe Text(start: pointer)
      if variable.starts(with: name) { return variable.dropFirst(name.count) }
      index += 1
    }
    return nil
  }

  /// Becomes the command. Returns, if it cannot, the exit status that shells have for this: 127 when it is not
  /// found, 126 when it cannot be executed.
  func execute(_ arena: inout InitArena) -> UInt8 {
    do throws(Errno) {
      try enterDirectory(&arena)
      throw try search(&arena)
    } catch {
      report("cannot run ", program, ": ", error.text)
      return error == .noEntry || error == .notDirectory ? 127 : 126
    }
  }

  /// Enters the directory where the command is to start: as it is in the guest, else as it is among the host's files.
  private func enterDirectory(_ arena: inout InitArena) throws(Errno) {
    guard let directory else {
      if !Kernel.attempt(.chdir, Text("/root").address) { try Kernel.call(.chdir, Text("/").address) }
      return
    }
    if Kernel.attempt(.chdir, directory.address) { return }
    let onHost = try arena.join("/host", directory)
    if Kernel.attempt(.chdir, onHost.address) { return }
    report("there is no directory ", directory)
    try Kernel.call(.chdir, Text("/").address)
  }

  /// Executes the program, which is looked for along PATH if its name has no slash.
  /// Returns why it could not be.
  private func search(_ arena: inout InitArena) throws(Errno) -> Errno {
    if program.isEmpty { throw .noEntry }
    if program.index(of: UInt8(ascii: "/")) != nil { return execute(program, &arena) }
    var cause = Errno.noEntry
    var first = 0
    while first <= searchPath.count {
      let end = searchPath.index(of: UInt8(ascii: ":"), from: first) ?? searchPath.count
      let folder = end > first ? try arena.copy(searchPath, from: first, to: end) : "."
      let failure = execute(try arena.join(folder, "/", program), &arena)
      // A file that is there and cannot be executed says more than the absence of others.
      if failure != .noEntry, failure != .notDirectory { cause = failure }
      first = end + 1
    }
    return cause
  }

  /// Becomes the program at `path`; a script without an interpreter's name goes to the shell. Returns why not.
  private func execute(_ path: Text, _ arena: inout InitArena) -> Errno {
    let variables = unsafe UInt64(UInt(bitPattern: environment))
    do throws(Errno) {
      try Kernel.call(.execve, path.address, unsafe UInt64(UInt(bitPattern: arguments)), variables)
      return .noExecutable
    } catch {
      guard error == .noExecutable else { return error }
    }
    do throws(Errno) {
      let rest = unsafe try shellArguments(for: path, &arena)
      try Kernel.call(.execve, Text("/bin/sh").address, UInt64(UInt(bitPattern: rest)), variables)
      return .noExecutable
    } catch {
      return error
    }
  }

  /// The arguments with the shell before them, and `path` in the place of the name that was looked for.
  private func shellArguments(for path: Text, _ arena: inout InitArena) throws(Errno) -> PointerList {
    var count = 1
    while unsafe arguments[count] != nil { count += 1 }
    let list = unsafe try Self.pointers(to: Records(""), after: "/bin/sh", spare: count, &arena)
    unsafe list[1] = path.start
    for index in 1..<count { unsafe list[index + 1] = arguments[index] }
    return unsafe list
  }
}
