import SystemPackage

/// A region of a device: a BAR, the expansion ROM or the configuration space, as a run of the device's file
/// (VFIO_DEVICE_GET_REGION_INFO).
struct VFIORegion: Equatable, Sendable {
  /// The numbers of regions of PCI devices (VFIO_PCI_..._REGION_INDEX). BARs have their own numbers.
  enum Index {
    static let rom = 6
    static let configuration = 7
  }

  /// What can be done with a region (VFIO_REGION_INFO_FLAG_...).
  struct Flags: OptionSet, Sendable {
    let rawValue: UInt32
    static let readable = Flags(rawValue: 1 << 0)
    static let writable = Flags(rawValue: 1 << 1)
    static let mappable = Flags(rawValue: 1 << 2)
    static let hasCapabilities = Flags(rawValue: 1 << 3)
  }

  /// The ID of the capability that lists the parts that can be mapped (VFIO_REGION_INFO_CAP_SPARSE_MMAP).
  private static let sparseMapID: UInt32 = 1
  /// The number of words of the structure without capabilities.
  private static let wordCount = 8
  /// The largest structure that is asked for, in words: room for some 4,000 parts.
  private static let wordLimit = 1 << 14

  var flags: Flags
  /// Its size; 0: the device has no such region.
  var byteCount: UInt64
  /// Where it begins in the device's file.
  var offset: UInt64
  /// The parts that can be mapped, as offsets in the region; nil: all of it where ``Flags/mappable`` is set.
  var parts: [Range<UInt64>]?

  /// Asks the kernel for region `index`.
  init(_ index: Int, of file: any VFIOFile) throws(Errno) {
    var words = Self.request(index, wordCount: Self.wordCount)
    _ = try file.perform(VFIORequest.regionInfo, &words)
    // The kernel says how much room the capabilities need.
    let needed = min(Int(words[0]) / 4, Self.wordLimit)
    if Flags(rawValue: words[1]).contains(.hasCapabilities), needed > words.count {
      words = Self.request(index, wordCount: needed)
      _ = try file.perform(VFIORequest.regionInfo, &words)
    }
    flags = Flags(rawValue: words[1])
    byteCount = Self.pair(words, 4)
    offset = Self.pair(words, 6)
    parts = flags.contains(.hasCapabilities) ? Self.parts(words) : nil
  }

  /// Whether `count` bytes from `offset` on lie in the region.
  func contains(_ offset: UInt64, _ count: Int) -> Bool {
    count > 0 && UInt64(count) <= byteCount && offset <= byteCount - UInt64(count)
  }

  /// The runs of whole pages that can be mapped and that have nothing of `emulated`, ascending.
  func mappableRuns(without emulated: [Range<UInt64>]) -> [Range<UInt64>] {
    guard flags.isSuperset(of: [.readable, .writable, .mappable]) else { return [] }
    let page = GuestMemory.pageByteCount
    var runs = (parts ?? [0..<byteCount]).map { $0.clamped(to: 0..<byteCount) }
    for hole in emulated where !hole.isEmpty {
      let pages = hole.lowerBound / page * page..<(hole.upperBound + page - 1) / page * page
      runs = runs.flatMap { run in
        [
          run.lowerBound..<max(run.lowerBound, min(run.upperBound, pages.lowerBound)),
          min(run.upperBound, max(run.lowerBound, pages.upperBound))..<run.upperBound,
        ]
      }
    }
    return runs.compactMap { run in
      let (start, end) = ((run.lowerBound + page - 1) / page * page, run.upperBound / page * page)
      return start < end ? start..<end : nil
    }.sorted { $0.lowerBound < $1.lowerBound }
  }

  private static func request(_ index: Int, wordCount: Int) -> [UInt32] {
    var words = [UInt32](repeating: 0, count: wordCount)
    words[0] = UInt32(wordCount * 4)
    words[2] = UInt32(index)
    return words
  }

  private static func pair(_ words: [UInt32], _ index: Int) -> UInt64 {
    UInt64(words[index]) | UInt64(words[index + 1]) << 32
  }

  /// The parts of the capability that lists them; nil without it. Each capability begins with its ID and version, 16 bits each, and
  /// the next one's offset.
  private static func parts(_ words: [UInt32]) -> [Range<UInt64>]? {
    var place = Int(words[3]) / 4
    // As many steps as there is room for capabilities, in case they are linked in a circle.
    for _ in 0..<words.count where place >= wordCount && place + 2 <= words.count {
      guard words[place] & 0xFFFF == sparseMapID, place + 4 <= words.count else {
        place = Int(words[place + 1]) / 4
        continue
      }
      let count = min(Int(words[place + 2]), (words.count - place - 4) / 4)
      return (0..<count).compactMap { index in
        let start = pair(words, place + 4 + index * 4)
        let (end, overflow) = start.addingReportingOverflow(pair(words, place + 6 + index * 4))
        return overflow ? nil : start..<end
      }
    }
    return nil
  }
}
