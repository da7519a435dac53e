import HostSystem
import SystemPackage

@testable import FuseVext

/// What makes a lane stop.
enum ModelStop: Error {
  /// The disk takes no writes any more.
  case died
  case failed(String)
}

/// One thread's random operations, and what they must have made of its folder.
final class ModelLane: @unchecked Sendable {
  let index: Int
  let laneCount: Int
  let root: ModelDirectory
  var random: SplitMix64
  private var mount: (disk: ModelDisk, fileSystem: FileSystem, resources: ServingResources)?
  let source: BlockBuffer
  /// Files without a name that are still used.
  var unnamed: [ModelFile] = []
  /// The marks of what has changed since an fsync was acknowledged.
  var unsettled: [ModelMark] = []
  /// This lane's stripes of the files that all lanes share.
  var shared: [ModelFile] = []
  private(set) var operationCount = 0
  private(set) var noSpaceCount = 0
  private(set) var failure: String?
  private var current = ""

  init(index: Int, laneCount: Int, root: ModelDirectory, seed: UInt64, _ mount: ModelMount) throws {
    self.index = index
    self.laneCount = laneCount
    self.root = root
    random = SplitMix64(seed: seed)
    self.mount = (mount.disk, mount.fileSystem, try ServingResources(device: mount.disk))
    source = try BlockBuffer(byteCount: (1 << 20) + 4096)
  }

  var disk: ModelDisk { mounted.disk }
  var fileSystem: FileSystem { mounted.fileSystem }
  var resources: ServingResources { mounted.resources }

  private var mounted: (disk: ModelDisk, fileSystem: FileSystem, resources: ServingResources) {
    guard let mount else { fatalError("a lane works between a mount and its end") }
    return mount
  }

  /// Ends the use of a mount.
  func release() { mount = nil }

  /// Goes on after a clean remount.
  func use(_ mount: ModelMount) throws {
    try useAfterKill(mount)
    try reopen(root)
  }

  /// Goes on after a kill: what is there is not known.
  func useAfterKill(_ mount: ModelMount) throws {
    self.mount = (mount.disk, mount.fileSystem, try ServingResources(device: mount.disk))
  }

  private func reopen(_ directory: ModelDirectory) throws {
    directory.lookupCount = 0
    for (name, node) in directory.children {
      switch node {
      case .directory(let below): try reopen(below)
      case .symbolicLink: break
      case .file(let file):
        guard let found = try fileSystem.lookup(Array(name.utf8), in: directory.number, resources) else {
          throw ModelStop.failed("\(name) is gone after a remount")
        }
        if file.inode === fileSystem.openInode(found.number) {
          // A further name of it: one answer is enough.
          try fileSystem.forget(found.number, count: 1, resources)
        } else {
          file.inode = fileSystem.openInode(found.number)
        }
      }
    }
  }

  /// Does operations until the disk dies.
  func run(_ count: Int) {
    guard failure == nil else { return }
    do {
      for _ in 0..<count {
        operationCount += 1
        try step()
      }
    } catch ModelStop.died {
    } catch ModelStop.failed(let text) {
      failure = "lane \(index), operation \(operationCount), \(current): \(text)"
    } catch {
      failure = "lane \(index), operation \(operationCount), \(current): \(error)"
    }
  }

  private func step() throws {
    switch random.below(100) {
    case 0..<58: try changeFile()
    case 58..<66: try changeShared()
    case 66..<90: try changeNames()
    case 90..<97: try changeAttributes()
    case 97: try compareAll()
    default: try note("synchronizeAll") { () throws(Errno) in try fileSystem.synchronizeAll(resources) }
    }
  }

  // MARK: What operations need

  /// Does an operation. Returns false if there was no space.
  @discardableResult
  func note(_ text: String, allows: Set<Errno> = [.noSpace], _ body: () throws(Errno) -> Void) throws -> Bool
  {
    current = text
    do throws(Errno) {
      try body()
      return true
    } catch {
      if disk.isDead { throw ModelStop.died }
      if error == .noSpace { noSpaceCount += 1 }
      if allows.contains(error) { return false }
      throw ModelStop.failed("\(error)")
    }
  }

  func expect(_ condition: Bool, _ text: @autoclosure () -> String) throws {
    guard !condition else { return }
    if disk.isDead { throw ModelStop.died }
    throw ModelStop.failed(text())
  }

  /// Something is about to have other names or attributes.
  func unsettle(_ mark: ModelMark) {
    mark.isSettled = false
    unsettled.append(mark)
  }

  /// An fsync was acknowledged: all names and attributes are there from now on.
  func settle() {
    for mark in unsettled { mark.isSettled = true }
    unsettled.removeAll(keepingCapacity: true)
  }

  func forget(_ number: UInt32, count: UInt64 = 1) throws {
    try note("forget \(number)") { () throws(Errno) in try fileSystem.forget(number, count: count, resources)
    }
  }

  /// Everything of this lane, each file once.
  func files() -> [ModelFile] {
    var result = unnamed
    var seen: Set<ObjectIdentifier> = []
    func collect(_ directory: ModelDirectory) {
      for name in directory.children.keys.sorted() {
        switch directory.children[name] {
        case .file(let file): if seen.insert(ObjectIdentifier(file)).inserted { result.append(file) }
        case .directory(let below): collect(below)
        case .symbolicLink, nil: break
        }
      }
    }
    collect(root)
    return result
  }

  func directories() -> [ModelDirectory] {
    func below(_ directory: ModelDirectory) -> [ModelDirectory] {
      directory.children.keys.sorted().reduce(into: [directory]) { all, name in
        if case .directory(let child) = directory.children[name] { all += below(child) }
      }
    }
    return below(root)
  }
}
