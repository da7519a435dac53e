public import VextProtocol

/// The walk from a guest's linear address through its page tables to the physical address (Intel SDM vol. 3A §4.2-4.5).
///
/// The guest's tables may contain anything. The walk reads them by checked loads, and ends at the first entry outside of
/// RAM.
public struct PageWalk: Sendable {
  /// The registers that control a vCPU's address translation.
  public struct Paging: Sendable {
    /// CR0: bit 31 turns paging on.
    public var cr0: UInt64
    /// CR3: the address of the topmost table.
    public var cr3: UInt64
    /// CR4: page size extensions (bit 4), physical address extension (bit 5), 57-bit addresses (bit 12).
    public var cr4: UInt64
    /// EFER: bit 10 says that long mode is active.
    public var efer: UInt64

    /// Takes the values of the registers.
    public init(cr0: UInt64, cr3: UInt64, cr4: UInt64, efer: UInt64) {
      self.cr0 = cr0
      self.cr3 = cr3
      self.cr4 = cr4
      self.efer = efer
    }

    var isOn: Bool { cr0 & 1 << 31 != 0 }
    var isLongMode: Bool { efer & 1 << 10 != 0 }
    var hasWideEntries: Bool { isLongMode || cr4 & 1 << 5 != 0 }
    var hasLargePages: Bool { hasWideEntries || cr4 & 1 << 4 != 0 }
    var levelCount: Int {
      if isLongMode { return cr4 & 1 << 12 != 0 ? 5 : 4 }
      return hasWideEntries ? 3 : 2
    }
  }

  /// One entry of the walk.
  public struct Step: Equatable, Sendable {
    /// The name of its table: PML5, PML4, PDPT, PD or PT.
    public var table: String
    /// The address of the entry.
    public var address: GuestAddress
    /// The value of the entry.
    public var entry: UInt64
  }

  /// The result of the walk.
  public enum Outcome: Equatable, Sendable {
    /// The linear address maps to `physical`, in a page of `pageByteCount` bytes; 0 if paging is off.
    case mapped(physical: GuestAddress, pageByteCount: UInt64)
    /// The last step's entry is not present.
    case notPresent
    /// An entry would lie outside of RAM.
    case tableOutsideMemory(GuestAddress)
    /// The linear address is not canonical: its upper bits are not a sign extension.
    case nonCanonical
  }

  private static let tableNames = ["PT", "PD", "PDPT", "PML4", "PML5"]
  private static let present: UInt64 = 1
  private static let largePage: UInt64 = 1 << 7
  /// Bits 51...12 of an entry.
  private static let addressMask: UInt64 = 0x000F_FFFF_FFFF_F000

  /// The entries, beginning with the topmost table's.
  public private(set) var steps: [Step] = []
  /// The result of the walk.
  public let outcome: Outcome

  /// The physical address; nil if the address is not mapped.
  public var physical: GuestAddress? {
    guard case .mapped(let physical, _) = outcome else { return nil }
    return physical
  }

  /// Walks for the linear address `linear`.
  public init(_ linear: UInt64, paging: Paging, memory: GuestMemory) {
    let address = paging.isLongMode ? linear : linear & 0xFFFF_FFFF
    guard paging.isOn else {
      outcome = .mapped(physical: GuestAddress(address), pageByteCount: 0)
      return
    }
    if paging.isLongMode {
      let unused = Int64(64 - (12 + 9 * paging.levelCount))
      guard (Int64(bitPattern: address) << unused) >> unused == Int64(bitPattern: address) else {
        outcome = .nonCanonical
        return
      }
    }
    var steps: [Step] = []
    outcome = Self.walk(address, paging, memory, &steps)
    self.steps = steps
  }

  private static func walk(
    _ address: UInt64, _ paging: Paging, _ memory: GuestMemory, _ steps: inout [Step]
  ) -> Outcome {
    let indexBits: UInt64 = paging.hasWideEntries ? 9 : 10
    let entryByteCount: UInt64 = paging.hasWideEntries ? 8 : 4
    var table =
      paging.cr3 & (paging.isLongMode ? addressMask : paging.hasWideEntries ? 0xFFFF_FFE0 : 0xFFFF_F000)
    for level in (0..<paging.levelCount).reversed() {
      let shift = 12 + indexBits * UInt64(level)
      let index = address >> shift & (1 << indexBits - 1)
      let place = GuestAddress(table + index * entryByteCount)
      let entry: UInt64
      do throws(GuestMemoryError) {
        entry =
          paging.hasWideEntries
          ? try memory.load(UInt64.self, at: place) : UInt64(try memory.load(UInt32.self, at: place))
      } catch {
        return .tableOutsideMemory(place)
      }
      steps.append(Step(table: tableNames[level], address: place, entry: entry))
      guard entry & present != 0 else { return .notPresent }
      let isLarge = (1...2).contains(level) && entry & largePage != 0 && paging.hasLargePages
      if level == 0 || isLarge {
        let pageByteCount = 1 << shift as UInt64
        return .mapped(
          physical: GuestAddress(frame(entry, paging, pageByteCount) | address & (pageByteCount - 1)),
          pageByteCount: pageByteCount)
      }
      table = entry & (paging.hasWideEntries ? addressMask : 0xFFFF_F000)
    }
    return .notPresent
  }

  /// The page's physical address. A 4 MiB page has bits 39...32 of it in bits 20...13 (SDM vol. 3A table 4-4).
  private static func frame(_ entry: UInt64, _ paging: Paging, _ pageByteCount: UInt64) -> UInt64 {
    let frame = entry & addressMask & ~(pageByteCount - 1)
    guard !paging.hasWideEntries, pageByteCount > 4096 else { return frame }
    return frame | (entry >> 13 & 0xFF) << 32
  }
}
