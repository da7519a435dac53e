import Glibc
import HostSystem

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
  /// Every caller counts as root: no permissions are checked.
  public var fakesRoot = false
  /// statfs counts the blocks of structures among the blocks that there are.
  public var countsOverhead = false
  /// A journal that needs recovery is left as it is, and so is what it holds; implies ``isReadOnly``.
  public var leavesJournal = false
  /// Changes of structures go through the journal, if the file system has one.
  public var writesJournal = true
  /// Which changes are durable when they are answered.
  public var durability = FileSystem.Durability.byFlags
  /// Which reads set the time of access.
  public var accessTimes = AccessTimes()
  /// How often structures that nobody has asked to be durable are written, in seconds.
  public var writeInterval: UInt32 = Self.defaultWriteInterval
  /// Which optional kinds of extended attributes there are.
  public var attributeSupport = AttributeSupport.all
  /// Where the file system begins on the device, in bytes.
  public var byteOffset: UInt64 = 0
  /// How much of the device it may use, in bytes; nil for all.
  public var byteLimit: UInt64?
  /// The partition that has it.
  public var partition: Int?
  /// What the kernel and libfuse get as they are.
  public var passedOn: [String] = []

  private static let defaultWriteInterval: UInt32 = 5

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
      case "rw", "rw+": isReadOnly = leavesJournal
      case "norecovery", "noload": (isReadOnly, leavesJournal) = (true, true)
      case "nojournal_writes": writesJournal = false
      case "direct_io": isDirect = true
      case "discard": discards = true
      case "nodiscard": discards = false
      case "page_cache": usesPageCache = true
      case "acl": attributeSupport.insert(.accessControlLists)
      case "noacl": attributeSupport.remove(.accessControlLists)
      case "user_xattr": attributeSupport.insert(.userAttributes)
      case "nouser_xattr": attributeSupport.remove(.userAttributes)
      // The kernel needs to know too: it adds O_DSYNC to writes.
      case "sync": (durability, passedOn) = (.everything, passedOn + [word])
      case "dirsync":
        (durability, passedOn) = (durability == .everything ? .everything : .names, passedOn + [word])
      case "async": (durability, passedOn) = (.byFlags, passedOn + [word])
      case "fakeroot": fakesRoot = true
      case "minixdf": countsOverhead = true
      case "bsddf": countsOverhead = false
      case "pin": pinsThreads = true
      case "remount":
        throw .usage(
          "option 'remount': use 'mount -i -o remount,...', which changes what the kernel does alone")
      case _ where word.hasPrefix("threads="):
        threadCount = try Self.number(in: word, from: 1...256)
      case _ where word.hasPrefix("commit="):
        // The kernel's limit; it takes 0 for the default too.
        let seconds = UInt32(try Self.number(in: word, from: 0...21_474_836))
        writeInterval = seconds == 0 ? Self.defaultWriteInterval : seconds
      case _ where word.hasPrefix("offset="): byteOffset = try Self.byteCount(in: word)
      case _ where word.hasPrefix("sizelimit="):
        // As for losetup, 0 is no limit.
        let limit = try Self.byteCount(in: word)
        byteLimit = limit == 0 ? nil : limit
      case _ where word.hasPrefix("partition="): partition = try Self.number(in: word, from: 1...1024)
      case _ where addAccessTimes(word): break
      case _ where word.hasPrefix("fsname=") || word.hasPrefix("subtype=") || Self.passed.contains(word):
        passedOn.append(word)
      case _ where Self.hasNoEffect(word): break
      default: throw .usage("unknown option '\(word)'")
      }
    }
  }

  /// A number of bytes, with the suffixes of mount(8) and losetup(8): K, M, G, T, or KiB and so on, and KB for thousands.
  private static func byteCount(in word: String) throws(MountFailure) -> UInt64 {
    let text = word.drop { $0 != "=" }.dropFirst()
    guard let byteCount = ByteCountText.byteCount(text, [.binarySuffixes, .decimalB]) else {
      throw .usage("option '\(word)': a number of bytes is needed")
    }
    return byteCount
  }

  private static func number(in word: String, from range: ClosedRange<Int>) throws(MountFailure) -> Int {
    let text = word.drop { $0 != "=" }.dropFirst()
    guard let number = Int(text), range.contains(number) else {
      throw .usage("option '\(word)': a number from \(range.lowerBound) to \(range.upperBound) is needed")
    }
    return number
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
    var options = passedOn
    if !options.contains(where: { $0.hasPrefix("subtype=") }) { options.append("subtype=fuse-vext") }
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
