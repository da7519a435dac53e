import Glibc
import HostSystem

/// The options of a mount, as on the command line of fuse2fs.
public struct MountOptions: Equatable, Sendable {
  /// A path, `vext`, or `vext:` and the address of a PCI function.
  public var device: String
  /// The path of the mount point.
  public var mountPoint: String
  /// Whether changes are refused.
  public var isReadOnly = false
  /// The number of serving threads; nil for the default.
  public var threadCount: Int?
  /// The way by which requests come.
  public var transport = FuseTransport.automatic
  /// Whether each serving thread is pinned to one CPU.
  public var pinsThreads = false
  /// Whether open files bypass the kernel's cache.
  public var isDirect = false
  /// Whether freed blocks are discarded on the device.
  public var discards = false
  /// Whether an image or block device is used through this system's page cache.
  public var usesPageCache = false
  /// Whether every caller counts as root, so that permissions are not checked.
  public var fakesRoot = false
  /// Whether statfs counts the blocks of structures.
  public var countsOverhead = false
  /// Whether a journal that needs recovery is not replayed; implies ``isReadOnly``.
  public var leavesJournal = false
  /// Whether changes of structures go through the journal, if there is one.
  public var writesJournal = true
  /// The changes that are durable when they are answered.
  public var durability = FileSystem.Durability.byFlags
  /// The reads that set the time of access.
  public var accessTimes = AccessTimes()
  /// The interval in seconds at which structures are written that no fsync asked for.
  public var writeInterval: UInt32 = Self.defaultWriteInterval
  /// The optional kinds of extended attributes that are supported.
  public var attributeSupport = AttributeSupport.all
  /// The start of the file system on the device, in bytes.
  public var byteOffset: UInt64 = 0
  /// The number of bytes of the device that the file system may use; nil for all.
  public var byteLimit: UInt64?
  /// The number of the partition that contains the file system; nil for the whole device.
  public var partition: Int?
  /// Options for the kernel and libfuse, unchanged.
  public var passedOn: [String] = []

  private static let defaultWriteInterval: UInt32 = 5

  /// Makes the default options.
  public init(device: String, mountPoint: String) {
    self.device = device
    self.mountPoint = mountPoint
  }

  /// Adds the words of one `-o`, separated by commas.
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
      // The kernel needs it too, because it adds O_DSYNC to writes.
      case "sync": (durability, passedOn) = (.everything, passedOn + [word])
      case "dirsync":
        (durability, passedOn) = (durability == .everything ? .everything : .names, passedOn + [word])
      case "async": (durability, passedOn) = (.byFlags, passedOn + [word])
      case "fakeroot": fakesRoot = true
      case "minixdf": countsOverhead = true
      case "bsddf": countsOverhead = false
      case "pin": pinsThreads = true
      case "io_uring": transport = .ring
      case "read": transport = .device
      case "remount":
        throw .usage(
          "option 'remount': use 'mount -i -o remount,...', which changes what the kernel does alone")
      case _ where word.hasPrefix("threads="):
        threadCount = try Self.number(in: word, from: 1...256)
      case _ where word.hasPrefix("commit="):
        // The kernel's limit; 0 means the default there too.
        let seconds = UInt32(try Self.number(in: word, from: 0...21_474_836))
        writeInterval = seconds == 0 ? Self.defaultWriteInterval : seconds
      case _ where word.hasPrefix("offset="): byteOffset = try Self.byteCount(in: word)
      case _ where word.hasPrefix("sizelimit="):
        // As in losetup, 0 means no limit.
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

  /// The number of serving threads: two for each CPU with a vext queue, which a waiting thread polls; more with a device
  /// on which it sleeps.
  var servingThreadCount: Int {
    threadCount ?? (vextAddress == nil ? 16 : max(4, 2 * Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
  }

  /// The PCI address of a vext device, empty for the first one; nil for another device.
  var vextAddress: String? {
    if device == "vext" { return "" }
    return device.hasPrefix("vext:") ? String(device.dropFirst(5)) : nil
  }

  /// The options for libfuse.
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
