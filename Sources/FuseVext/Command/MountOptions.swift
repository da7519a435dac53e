import Glibc

/// How a file system is mounted: the command line of fuse2fs, as far as it makes sense here.
public struct MountOptions: Equatable, Sendable {
  /// A path, `vext`, or `vext:` and the address of a PCI function.
  public var device: String
  /// Where to mount.
  public var mountPoint: String
  /// Refuse changes.
  public var isReadOnly = false
  /// Threads that serve; nil for what suits the machine.
  public var threadCount: Int?
  /// Each serving thread runs on one CPU.
  public var pinsThreads = false
  /// Open files go past the kernel's cache.
  public var isDirect = false
  /// Freed blocks are given back to the device.
  public var discards = false
  /// An image or block device is read and written through this system's page cache.
  public var usesPageCache = false
  /// Whoever calls is taken for root: no permissions are checked.
  public var fakesRoot = false
  /// statfs counts the blocks of structures among the blocks that there are.
  public var countsOverhead = false
  /// A journal that needs recovery is left as it is, and so is what it holds; implies ``isReadOnly``.
  public var leavesJournal = false
  /// Changes of structures go through the journal, if the file system has one.
  public var writesJournal = true
  /// Which changes are durable when they are answered.
  public var durability = FileSystem.Durability.byFlags
  /// What the kernel and libfuse get as they are.
  public var passedOn: [String] = []

  /// Options that mount(8) and libfuse know.
  private static let known: Set<String> = [
    "allow_other", "allow_root", "default_permissions", "nosuid", "suid", "nodev", "dev", "noexec", "exec",
    "atime", "noatime", "diratime", "nodiratime", "auto_unmount",
  ]

  /// Options with the value that is the default here already.
  private static let ignored: Set<String> = [
    "rw", "user_xattr", "acl", "nonempty", "defaults", "errors=remount-ro",
  ]

  /// The options of a mount without any.
  public init(device: String, mountPoint: String) {
    self.device = device
    self.mountPoint = mountPoint
  }

  /// Takes what follows one `-o`: words divided by commas.
  public mutating func add(_ text: String) throws(MountFailure) {
    for word in text.split(separator: ",").map(String.init) {
      switch word {
      case "ro": isReadOnly = true
      case "norecovery", "noload": (isReadOnly, leavesJournal) = (true, true)
      case "nojournal_writes": writesJournal = false
      case "direct_io": isDirect = true
      case "discard": discards = true
      case "nodiscard": discards = false
      case "page_cache": usesPageCache = true
      // The kernel needs to know too: it adds O_DSYNC to writes.
      case "sync": (durability, passedOn) = (.everything, passedOn + [word])
      case "dirsync":
        (durability, passedOn) = (durability == .everything ? .everything : .names, passedOn + [word])
      case "async": (durability, passedOn) = (.byFlags, passedOn + [word])
      case "fakeroot": fakesRoot = true
      case "minixdf": countsOverhead = true
      case "bsddf": countsOverhead = false
      case "pin": pinsThreads = true
      case _ where word.hasPrefix("threads="):
        guard let count = Int(word.dropFirst(8)), (1...256).contains(count) else {
          throw .usage("option '\(word)': a number from 1 to 256 is needed")
        }
        threadCount = count
      case _ where word.hasPrefix("fsname=") || Self.known.contains(word):
        passedOn.append(word)
      case _ where Self.ignored.contains(word): break
      default: throw .usage("unknown option '\(word)'")
      }
    }
  }

  /// Two for each CPU over a queue, which a thread polls while it waits; more over a device that lets it sleep.
  var servingThreadCount: Int {
    threadCount ?? (vextAddress == nil ? 16 : max(4, 2 * Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
  }

  /// The address of a PCI function if the device is one; empty for the first.
  var vextAddress: String? {
    if device == "vext" { return "" }
    return device.hasPrefix("vext:") ? String(device.dropFirst(5)) : nil
  }

  /// What libfuse gets.
  var fuseOptions: [String] {
    var options = passedOn + ["subtype=fuse-vext"]
    if isReadOnly { options.append("ro") }
    if !fakesRoot, !options.contains("default_permissions") { options.append("default_permissions") }
    if !options.contains(where: { $0.hasPrefix("fsname=") }) {
      // A comma would end the option.
      let name = device.split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "\\\\")
        .split(separator: ",", omittingEmptySubsequences: false).joined(separator: "\\,")
      options.append("fsname=\(name)")
    }
    return options
  }
}
