/// The root that the kernel's command line names.
struct RootFileSystem {
  private let source: Text
  private let type: Text?
  private let options: Text
  private let isWritable: Bool

  /// How long a disk may take to appear.
  private static let timeoutMilliseconds: Int64 = 10_000
  private static let pauseMilliseconds: Int64 = 10

  /// nil if the command line names none.
  init?(_ parameters: InitParameters) {
    guard let source = parameters.value("root="), !source.isEmpty else { return nil }
    self.source = source
    var type = parameters.value("rootfstype=")
    // "/dev/root" is the tag of kvmtool's shared root directory, never a disk's node.
    let isDisk = source.starts(with: "/dev/") || DiskName.isName(source)
    if type == nil, source == "/dev/root" || !isDisk { type = "9p" }
    self.type = type
    isWritable = parameters.isRootWritable
    let isNinePFS = type.map { $0 == "9p" } ?? false
    options = parameters.value("rootflags=") ?? (isNinePFS ? HostFiles.transportOptions : "")
  }

  func mount(on target: Text, _ arena: inout InitArena) throws(StageFailure) {
    do throws(Errno) {
      let source = isOnDisk ? try waitForDisk(&arena) : source
      if let type {
        try mount(source, on: target, type: type)
      } else {
        try mountByGuess(source, on: target, &arena)
      }
    } catch {
      report("the root is ", source, ", of type ", type ?? "unknown")
      if isOnDisk, let list = try? DiskList(&arena) { list.report(&arena) }
      throw StageFailure(action: "mount the root", cause: error)
    }
  }

  private var isOnDisk: Bool {
    guard let type else { return true }
    return type != "9p" && type != "virtiofs" && type != "tmpfs"
  }

  /// The node of the disk, once it is there.
  private func waitForDisk(_ arena: inout InitArena) throws(Errno) -> Text {
    let name = try DiskName(source, &arena)
    var waited: Int64 = 0
    while true {
      if let name {
        if let node = try name.find(&arena) { return node }
      } else if Kernel.exists(source) {
        return source
      }
      guard waited < Self.timeoutMilliseconds else { throw .noEntry }
      Kernel.sleep(milliseconds: Self.pauseMilliseconds)
      waited += Self.pauseMilliseconds
    }
  }

  private func mount(_ source: Text, on target: Text, type: Text) throws(Errno) {
    try Kernel.mount(source, on: target, type: type, isWritable ? [] : .readOnly, options: options)
  }

  /// Tries ext4, then whatever else the kernel has for disks.
  private func mountByGuess(
    _ source: Text, on target: Text, _ arena: inout InitArena
  ) throws(Errno) {
    do throws(Errno) {
      return try mount(source, on: target, type: "ext4")
    } catch {
      var lines = try arena.lines(of: "/proc/filesystems")
      while let line = lines.next() {
        // A line that starts with a tab is a file system for disks; others say "nodev" there.
        guard line[0] == UInt8(ascii: "\t"), line != "\text4" else { continue }
        do throws(Errno) {
          return try mount(source, on: target, type: line.dropFirst(1))
        } catch {
          continue
        }
      }
      throw error
    }
  }
}
