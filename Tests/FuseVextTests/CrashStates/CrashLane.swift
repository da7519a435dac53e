@testable import FuseVext
import HostSystem
import SystemPackage

/// One thread of a workload: it changes its own directory at random and notes in the disk's record what it does.
final class CrashLane: @unchecked Sendable {
  /// What an operation makes durable.
  enum Promise {
    /// Data and size of a file.
    case data(node: Int)
    /// A file: data, size and attributes; so all names.
    case file(node: Int)
    /// All names.
    case names
    /// Everything of all threads.
    case everything
  }

  let index: Int
  let disk: CrashDisk
  let fileSystem: FileSystem
  let resources: ServingResources
  let blockByteCount: Int
  var random: SplitMix64
  var model: CrashModel
  /// By the operation's number.
  var promises: [Int: Promise] = [:]
  /// What each operation does, for a report.
  var descriptions: [String] = []
  /// Files without a name that are still open.
  var orphans: [Int] = []
  /// Those of them that never had one.
  var unnamed: [Int] = []
  /// The file system ran out of space, or failed: no further operations.
  var hasEnded = false
  /// An error that a sound file system does not return.
  var failure: String?
  private let source: BlockBuffer

  init(
    index: Int, directory: UInt32, disk: CrashDisk, fileSystem: FileSystem, blockByteCount: Int, seed: UInt64
  ) throws {
    self.index = index
    self.disk = disk
    self.fileSystem = fileSystem
    self.blockByteCount = blockByteCount
    resources = try ServingResources(device: disk)
    random = SplitMix64(seed: seed)
    model = CrashModel(directory: directory)
    source = try BlockBuffer(byteCount: 1 << 17)
  }

  /// Does operations.
  func run(_ count: Int) {
    for _ in 0..<count where !hasEnded { step() }
  }

  /// Does one operation: `body` changes the file system and then, if it succeeded, the model.
  ///
  /// - Parameters:
  ///   - promise: What it makes durable.
  ///   - implied: What it makes durable if the file system is mounted so (`sync`, `dirsync`).
  func perform(
    _ description: String, promise: Promise? = nil, implied: Promise? = nil,
    _ body: (inout CrashModel) throws(Errno) -> Void
  ) {
    model.operation += 1
    descriptions.append("\(index).\(model.operation) \(description)")
    disk.record(.begin(lane: index, operation: model.operation))
    do throws(Errno) {
      try body(&model)
      model.takeSnapshot()
      promises[model.operation] = promise ?? implied.flatMap { keeps($0) ? $0 : nil }
      disk.record(.end(lane: index, operation: model.operation))
    } catch {
      model.takeSnapshot()
      descriptions[descriptions.count - 1] += " = \(error)"
      switch error {
      case .notSupported, .fileTooLarge:
        disk.record(.end(lane: index, operation: model.operation))
      case .noSpace:
        hasEnded = true
      default:
        hasEnded = true
        failure = "\(descriptions[descriptions.count - 1])"
      }
    }
  }

  private func keeps(_ implied: Promise) -> Bool {
    if case .names = implied { return fileSystem.durability != .byFlags }
    return fileSystem.durability == .everything
  }

  /// Writes to a file what only this operation writes.
  func write(_ node: Int, offset: Int, count: Int, _ model: inout CrashModel) throws(Errno) {
    let stamp = UInt32(truncatingIfNeeded: index << 24 | node << 12 | model.operation)
    let bytes = CrashPattern.bytes(stamp: stamp, offset: offset, count: count)
    source.slice(0, count).copy(from: bytes)
    let inode = fileSystem.openInode(model.nodes[node].number)
    // Noted first: a write that fails may have done a part.
    var content = model.content(of: node)
    if content.count < offset + count {
      content += [UInt8](repeating: 0, count: offset + count - content.count)
    }
    content.replaceSubrange(offset..<offset + count, with: bytes)
    model.addVersion(of: node, content: content)
    try fileSystem.write(inode, offset: UInt64(offset), source.slice(0, count), delays: true, resources)
    try fileSystem.synchronizeIfAsked(inode, resources)
  }

  /// As a kernel that is about to use a file that it does not know.
  func hold(_ node: Int, at place: CrashModel.Place?, _ model: inout CrashModel) throws(Errno) {
    guard model.nodes[node].references == 0, let place else { return }
    _ = try fileSystem.lookup(Array(place.name.utf8), in: model.nodes[place.parent].number, resources)
    model.nodes[node].references += 1
  }

  /// A name of a file went away.
  func dropName(_ node: Int, _ model: inout CrashModel) {
    model.nodes[node].linkCount -= 1
    guard model.nodes[node].linkCount == 0 || model.nodes[node].kind == .directory,
      model.nodes[node].references > 0
    else { return }
    orphans.append(node)
  }

  /// As a kernel that forgets a file.
  func forget(_ node: Int, _ model: inout CrashModel) throws(Errno) {
    let inode = fileSystem.openInode(model.nodes[node].number)
    if model.nodes[node].kind == .file { try fileSystem.trim(inode, resources) }
    let references = model.nodes[node].references
    model.nodes[node].references = 0
    orphans.removeAll { $0 == node }
    try fileSystem.forget(model.nodes[node].number, count: references, resources)
  }
}
