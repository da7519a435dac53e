@testable import FuseVext

/// What a name stands for.
enum ModelNode {
  case file(ModelFile)
  case directory(ModelDirectory)
  case symbolicLink(ModelLink)

  var mark: ModelMark {
    switch self {
    case .file(let file): file.mark
    case .directory(let directory): directory.mark
    case .symbolicLink(let link): link.mark
    }
  }
}

/// Whether the names and attributes of something are what they were when fsync(2) was acknowledged last.
final class ModelMark {
  var isSettled = false
}

final class ModelFile {
  let mark = ModelMark()
  var inode: OpenInode
  var content = ModelContent()
  var attributes: [String: [UInt8]] = [:]
  var nameCount = 1
  /// What it held when an fsync of it was acknowledged.
  var synced: ModelContent?
  /// The chunks that may have changed since.
  var touched: Set<Int> = []
  /// Whether the size may have changed since.
  var hasNewSize = false

  init(inode: OpenInode) { self.inode = inode }

  /// A range, and the size if it may change, is about to change.
  func touch(_ range: Range<Int>, size: Bool) {
    guard synced != nil else { return }
    if size { hasNewSize = true }
    touched.formUnion(ModelContent.chunks(of: range))
  }

  /// A size is about to be set.
  func touch(size: Int) {
    guard let synced else { return }
    hasNewSize = true
    let first = size / ModelContent.chunkByteCount
    touched.formUnion(synced.chunks.keys.filter { $0 >= first })
    touched.insert(first)
  }

  func noteSynchronized() {
    synced = content
    touched.removeAll(keepingCapacity: true)
    hasNewSize = false
  }
}

final class ModelDirectory {
  let mark = ModelMark()
  let number: UInt32
  /// The answers that named it and were not forgotten.
  var lookupCount: UInt64
  let depth: Int
  var children: [String: ModelNode] = [:]

  init(number: UInt32, lookupCount: UInt64, depth: Int) {
    self.number = number
    self.lookupCount = lookupCount
    self.depth = depth
  }
}

final class ModelLink {
  let mark = ModelMark()
  let number: UInt32
  let target: [UInt8]

  init(number: UInt32, target: [UInt8]) {
    self.number = number
    self.target = target
  }
}
