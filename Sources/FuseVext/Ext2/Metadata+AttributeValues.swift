import CExt2
import SystemPackage

/// Values of extended attributes that have an inode of their own (`ea_inode`).
///
/// Entries of several files may share such an inode, which counts them. libext2fs counts where it adds and removes
/// entries; it does not count where it copies a block of attributes, and it leaves the entries of a freed file alone.
extension Metadata {
  /// An entry whose value has its own inode.
  private struct Reference {
    let value: UInt32
    let byteCount: UInt32
    let nameIndex: UInt8
    let name: [UInt8]
  }

  /// The entries of an inode whose values have inodes.
  private struct References {
    var inBody: [Reference] = []
    var inBlock: [Reference] = []
    /// Whether other inodes have the same block of attributes.
    var sharesBlock = false

    var all: [Reference] { inBody + inBlock }
  }

  /// Changes extended attributes through libext2fs, and mends its counts.
  mutating func changeAttributes<Result>(
    of number: UInt32, _ body: (inout Metadata) throws(Errno) -> Result
  ) throws(Errno) -> Result {
    guard hasFeature(incompatible: EXT4_FEATURE_INCOMPAT_EA_INODE) else { return try body(&self) }
    return try mendingReferences(of: number) { (metadata: inout Metadata) throws(Errno) in
      try metadata.batch(body)
    }
  }

  /// As ``changeAttributes(of:_:)``, inside a batch of the caller.
  mutating func mendingReferences<Result>(
    of number: UInt32, _ body: (inout Metadata) throws(Errno) -> Result
  ) throws(Errno) -> Result {
    guard hasFeature(incompatible: EXT4_FEATURE_INCOMPAT_EA_INODE) else { return try body(&self) }
    let before = try references(of: number)
    // The copy that libext2fs makes of a shared block refers to the same values once more.
    if before.sharesBlock {
      for reference in before.inBlock { try countReference(to: reference.value, by: 1) }
    }
    let result: Result
    do throws(Errno) {
      result = try body(&self)
    } catch {
      if before.sharesBlock {
        for reference in before.inBlock { try countReference(to: reference.value, by: -1) }
      }
      throw error
    }
    // libext2fs has allocated and freed inodes on its own.
    let after = try references(of: number)
    for reference in before.all + after.all {
      freed.groups.note(inode: reference.value, in: library)
    }
    try countBlocks(of: number, before: before, after: after)
    return result
  }

  /// Removes one attribute whose value has an inode from a file that is being freed. Returns false if there is none.
  mutating func removeAttributeValue(of number: UInt32) throws(Errno) -> Bool {
    guard hasFeature(incompatible: EXT4_FEATURE_INCOMPAT_EA_INODE) else { return false }
    let references = try references(of: number)
    // Freeing the file only counts a shared block down: its entries stay.
    let own = references.inBody + (references.sharesBlock ? [] : references.inBlock)
    guard let reference = own.first else { return false }
    let count = own.count
    let prefix = Self.prefixes[reference.nameIndex] ?? ""
    try changeAttributes(of: number) { (metadata: inout Metadata) throws(Errno) in
      let attributes = try AttributeHandle(metadata.library, number)
      try attributes.remove(Array(prefix.utf8) + reference.name)
    }
    let left = try self.references(of: number)
    guard left.inBody.count + left.inBlock.count < count else { throw .corrupted }
    return true
  }

  /// The prefixes of names, by an entry's index (`e_name_index`).
  private static let prefixes: [UInt8: String] = [
    1: "user.", 2: "system.posix_acl_access", 3: "system.posix_acl_default", 4: "trusted.", 6: "security.",
    7: "system.", 8: "system.richacl",
  ]

  /// Each file pays for the blocks of its values, shared or not, as with the kernel.
  private func countBlocks(of number: UInt32, before: References, after: References) throws(Errno) {
    func blockCount(_ references: References) -> UInt64 {
      references.all.reduce(0) {
        $0 + (UInt64($1.byteCount) + UInt64(blockByteCount) - 1) / UInt64(blockByteCount)
      }
    }
    let (old, new) = (blockCount(before), blockCount(after))
    guard old != new else { return }
    var inode = try inode(number)
    if new > old {
      try library.addBlocks(new - old, to: &inode.raw)
    } else {
      try library.subtractBlocks(old - new, from: &inode.raw)
    }
    try write(inode)
  }

  private mutating func countReference(to value: UInt32, by change: Int) throws(Errno) {
    var inode = try inode(value)
    guard inode.isAttributeValue else { throw .corrupted }
    let count = library.referenceCount(of: inode.raw)
    library.setReferenceCount(change < 0 ? count &- 1 : count &+ 1, of: &inode.raw)
    try write(inode)
  }

  // MARK: Entries

  private func references(of number: UInt32) throws(Errno) -> References {
    let body = try library.inodeBytes(number, byteCount: inodeByteCount)
    var references = References()
    if inodeByteCount > 132 {
      let start = 128 + Int(body.word(128, 2))
      if start + 8 <= inodeByteCount, UInt32(body.word(start, 4)) == Self.magic {
        references.inBody = Self.references(in: body[(start + 4)...])
      }
    }
    let block = try inode(number).attributeBlock
    guard block > 0 else { return references }
    guard isPlausible(block: block, count: 1) else { throw .corrupted }
    let bytes = try cache.read(byteOffset: block * UInt64(blockByteCount), byteCount: blockByteCount)
    guard UInt32(bytes.word(0, 4)) == Self.magic else { throw .corrupted }
    references.sharesBlock = UInt32(bytes.word(4, 4)) > 1
    references.inBlock = Self.references(in: bytes[32...])
    return references
  }

  /// `EXT2_EXT_ATTR_MAGIC`
  private static let magic: UInt32 = 0xEA02_0000

  /// Walks entries (ext4's `struct ext4_xattr_entry`) up to the empty one that ends them.
  private static func references(in bytes: ArraySlice<UInt8>) -> [Reference] {
    var references: [Reference] = []
    let bytes = Array(bytes)
    var offset = 0
    while offset + 16 <= bytes.count, UInt32(bytes.word(offset, 4)) != 0 {
      let nameByteCount = Int(bytes[offset])
      let end = offset + 16 + nameByteCount
      guard end <= bytes.count else { break }
      let value = UInt32(bytes.word(offset + 4, 4))
      if value != 0 {
        references.append(
          Reference(
            value: value, byteCount: UInt32(bytes.word(offset + 8, 4)), nameIndex: bytes[offset + 1],
            name: Array(bytes[offset + 16..<end])))
      }
      offset = (end + 3) & ~3
    }
    return references
  }
}
