import HostSystem
public import SystemPackage

/// A linear frame buffer: memory beside the guest's RAM, at ``BootLayout/frameBuffer``, which the guest reaches without a vmexit.
///
/// KVM records which pages the guest writes to, so that nobody compares pictures. The guest changes pixels at any moment; a display
/// therefore works on a copy. One thread at a time calls ``copyChanges(to:)``.
public final class FrameBuffer: Sendable {
  /// The size of the picture.
  public let mode: VideoMode
  private let memory: HostBuffer
  private let log: any PageChangeLog
  private let slot: UInt32

  /// Gives `machine`, which has not started, a black frame buffer.
  public convenience init(_ mode: VideoMode, machine: Machine) throws(Errno) {
    try self.init(mode, log: machine.vm)
  }

  init(_ mode: VideoMode, log: any PageChangeLog) throws(Errno) {
    let mapping = try Mapping.anonymous(byteCount: mode.regionByteCount)
    // What is on a guest's screen is as secret as its RAM.
    try mapping.leaveOutOfDumps()
    memory = HostBuffer(mapping)
    self.mode = mode
    self.log = log
    slot = try log.addLoggedMemory(memory, at: BootLayout.frameBuffer)
  }

  /// Copies the pages that the guest has written to since the last call to `picture`, which has room for all rows.
  ///
  /// - Returns: the rows that they belong to, ascending and apart.
  public func copyChanges(to picture: IOVector) throws(Errno) -> [Range<Int>] {
    let page = Int(GuestMemory.pageByteCount)
    var rows: [Range<Int>] = []
    let pages = try log.takeChangedPages(ofSlot: slot, pageCount: memory.byteCount / page)
    for run in Self.runs(of: pages) {
      let bytes = min(run.lowerBound * page, mode.byteCount)..<min(run.upperBound * page, mode.byteCount)
      guard !bytes.isEmpty else { continue }
      memory.vector(bytes).copy(to: picture.part(from: bytes.lowerBound, byteCount: bytes.count))
      let changed = bytes.lowerBound / mode.bytesPerRow..<(bytes.upperBound - 1) / mode.bytesPerRow + 1
      if let last = rows.last, changed.lowerBound <= last.upperBound {
        rows[rows.count - 1] = last.lowerBound..<changed.upperBound
      } else {
        rows.append(changed)
      }
    }
    return rows
  }

  /// The runs of bits that are one, ascending.
  private static func runs(of words: [UInt64]) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for (index, word) in words.enumerated() {
      var rest = word
      while rest != 0 {
        let first = rest.trailingZeroBitCount
        let count = (~(rest >> UInt64(first))).trailingZeroBitCount
        let start = index * 64 + first
        if let last = runs.last, last.upperBound == start {
          runs[runs.count - 1] = last.lowerBound..<start + count
        } else {
          runs.append(start..<start + count)
        }
        rest = first + count >= 64 ? 0 : rest & UInt64.max << UInt64(first + count)
      }
    }
    return runs
  }
}

/// Memory beside a guest's RAM whose changes KVM records (KVM_MEM_LOG_DIRTY_PAGES; a recorder in tests). Any thread.
protocol PageChangeLog: AnyObject, Sendable {
  /// Maps `memory` at the guest-physical `address`, a multiple of the page size, and keeps it.
  ///
  /// - Returns: its slot.
  func addLoggedMemory(_ memory: HostBuffer, at address: UInt64) throws(Errno) -> UInt32
  /// The pages of the slot's memory that the guest has written to since the last call: bit n of the words is page n.
  func takeChangedPages(ofSlot slot: UInt32, pageCount: Int) throws(Errno) -> [UInt64]
}
