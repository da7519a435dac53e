import CExt2
import HostSystem
import SystemPackage

/// The block by which hosts that share a device tell each other who has it mounted (`mmp`, ext4's `struct mmp_struct`).
///
/// It goes past the cache and the journal, because other hosts change it. The claim ends with ``release()``, or with this object.
/// For one thread at a time.
final class MountClaim {
  /// The place and the format of the block.
  struct Layout: Equatable {
    let byteOffset: UInt64
    let byteCount: Int
    /// The interval at which the owner changes its claim, in seconds.
    let updateInterval: UInt16
    /// The seed of checksums; nil without `metadata_csum`.
    let checksumSeed: UInt32?
  }

  /// The value of a file system that is not mounted (`EXT4_MMP_SEQ_CLEAN`).
  private static let free: UInt32 = 0xFF4D_4D50
  /// The largest value of a mount; larger values except ``free`` mean a check, or are unknown (`EXT4_MMP_SEQ_MAX`).
  private static let greatest: UInt32 = 0xE24D_4D4F
  private static let magic: UInt32 = 0x004D_4D50
  /// The last word of the structure.
  private static let checksumOffset = 1020

  private let layout: Layout
  private let queue: any BlockQueue
  private let block: BlockBuffer
  /// The value that this host wrote last; nil without a claim.
  private var own: UInt32?

  var updateInterval: UInt16 { layout.updateInterval }

  /// Claims a file system, as the kernel's ext4 does. If the last owner did not unmount, this waits for as long as that owner
  /// may take to show a sign of life: 11 s or more, and as long again after its own first sign.
  ///
  /// Throws `EBUSY` if another host has the file system mounted, or a check is running.
  ///
  /// - Parameter sleep: Waits for a number of seconds.
  init(
    _ layout: Layout, device: any BlockDevice,
    sleep: (UInt64) -> Void = { HostClock.sleep(nanoseconds: $0 * 1_000_000_000) }
  ) throws(Errno) {
    self.layout = layout
    queue = try device.makeQueue()
    block = try device.allocateBuffer(byteCount: layout.byteCount)
    let seen = try read()
    var waitTime: UInt64 = 0
    if seen != Self.free {
      guard seen <= Self.greatest else { throw .resourceBusy }
      let interval = UInt64(max(checkInterval, 2 * layout.updateInterval, 5))
      waitTime = min(2 * interval + 1, interval + 60)
      sleep(waitTime)
      guard try read() == seen else { throw .resourceBusy }
    }
    let mine = try write(.random(in: 1...Self.greatest))
    if waitTime > 0 { sleep(waitTime) }
    guard try read() == mine else { throw .resourceBusy }
    own = mine
  }

  /// Shows other hosts that this one still has the file system. Throws `EBUSY` if another one has taken it.
  func renew() throws(Errno) {
    guard let last = own else { return }
    guard try read() == last else {
      own = nil
      throw .resourceBusy
    }
    own = try write(.random(in: 1...Self.greatest))
  }

  /// Ends the claim. What another host says stays.
  func release() throws(Errno) {
    guard let last = own else { return }
    own = nil
    guard try read() == last else { return }
    _ = try write(Self.free)
  }

  deinit {
    // The next host waits until the claim looks abandoned.
    do throws(Errno) { try release() } catch {}
  }

  // MARK: The block

  private var memory: BlockMemory { block.slice(0, layout.byteCount) }

  /// The minimum waiting time of other hosts in seconds, as the last owner stored it.
  private var checkInterval: UInt16 { memory.load(at: 112) }

  private var checksum: UInt32? {
    layout.checksumSeed.map { seed in
      memory.slice(0, Self.checksumOffset).withBytes { JournalChecksum.crc32c(seed, $0) }
    }
  }

  /// Returns the number that the owner changes.
  private func read() throws(Errno) -> UInt32 {
    try queue.perform(BlockRequest(.read, byteOffset: layout.byteOffset, memory: memory))
    let found = memory.load(UInt32.self, at: Self.checksumOffset)
    guard memory.load(UInt32.self) == Self.magic, checksum ?? found == found else { throw .corrupted }
    return memory.load(at: 4)
  }

  /// Writes mmp_seq, mmp_time, mmp_nodename and mmp_check_interval, durably. Returns the first.
  private func write(_ sequence: UInt32) throws(Errno) -> UInt32 {
    memory.store(sequence, at: 4)
    memory.store(HostClock.realtimeNanoseconds() / 1_000_000_000, at: 8)
    memory.store(max(2 * layout.updateInterval, 5), at: 112)
    let name = memory.slice(16, 64)
    name.fill(with: 0)
    // The name is cut off where the field ends; it needs no zero byte there.
    name.copy(from: Array(Self.hostName.prefix(name.count)))
    if let checksum { memory.store(checksum, at: Self.checksumOffset) }
    try queue.perform(BlockRequest(.write, byteOffset: layout.byteOffset, memory: memory))
    try queue.flush()
    return sequence
  }
}

extension MountClaim {
  /// The name that this host has on its network; empty if it is unknown.
  private static var hostName: [UInt8] {
    do throws(SysfsError) {
      return Array((try SysfsDirectory("/proc/sys/kernel").text("hostname") ?? "").utf8)
    } catch {
      // It tells people who has the file system; nothing depends on it.
      return []
    }
  }
}

extension MountClaim.Layout {
  /// The place of `s_uuid` in the superblock.
  private static let identifierOffset = 0x68

  /// Reads the layout; nil without the feature, or if the block lies outside of the device.
  init?(_ superblock: ext2_super_block, blockByteCount: Int, blockCount: UInt64) {
    let block = superblock.s_mmp_block
    guard superblock.s_feature_incompat & UInt32(EXT4_FEATURE_INCOMPAT_MMP) != 0,
      block > UInt64(superblock.s_first_data_block), block < blockCount
    else { return nil }
    byteOffset = block * UInt64(blockByteCount)
    byteCount = blockByteCount
    // EXT4_MMP_UPDATE_INTERVAL and EXT4_MMP_MAX_UPDATE_INTERVAL.
    updateInterval =
      superblock.s_mmp_update_interval == 0 ? 5 : min(superblock.s_mmp_update_interval, 300)
    let hasChecksums =
      superblock.s_feature_ro_compat & UInt32(EXT4_FEATURE_RO_COMPAT_METADATA_CSUM) != 0
    let hasSeed = superblock.s_feature_incompat & UInt32(EXT4_FEATURE_INCOMPAT_CSUM_SEED) != 0
    let identifier = superblock.bytes(at: Self.identifierOffset, count: 16)
    checksumSeed =
      hasChecksums
      ? (hasSeed ? superblock.s_checksum_seed : JournalChecksum.seed(uuid: identifier)) : nil
  }
}
