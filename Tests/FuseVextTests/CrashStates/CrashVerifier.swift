@testable import FuseVext
import Glibc
import SystemPackage

/// Compares a file system with what a workload had been promised.
struct CrashVerifier {
  let workload: CrashWorkload
  let resources: ServingResources

  /// What is wrong with it at a moment; nil if nothing is.
  func problem(in fileSystem: FileSystem, _ moment: CrashMoment) -> String? {
    do throws(Errno) {
      let names = try CrashTree.names(of: FileSystem.root, fileSystem, resources)
      for (index, lane) in workload.lanes.enumerated() {
        guard let directory = names.first(where: { $0.name == "lane\(index)" }) else {
          return "the directory of thread \(index) is missing"
        }
        let tree = try CrashTree(of: directory.number, fileSystem, resources)
        let found =
          workload.usesJournal
          ? try problem(lane, tree, fileSystem, moment.lanes[index])
          : try lossOfSettled(lane, tree, fileSystem, moment.lanes[index])
        if let found { return "thread \(index): \(found)" }
      }
      return nil
    } catch {
      return "cannot be read: \(error)"
    }
  }

  // MARK: With a journal

  /// Names and attributes must be those after some operation, from the last durable one on.
  private func problem(
    _ lane: CrashLane, _ tree: CrashTree, _ fileSystem: FileSystem, _ moment: CrashMoment.Lane
  ) throws(Errno) -> String? {
    var problem: String?
    for operation in (moment.durable...moment.begun).reversed()
    where lane.model.snapshots[operation].text == tree.text {
      problem = try filesProblem(lane, tree, fileSystem, moment, operation)
      if problem == nil { return nil }
    }
    if let problem { return problem }
    return """
      neither of the operations \(moment.durable)...\(moment.begun) leaves these names and attributes:
      \(tree.text)after \(moment.durable) they were:
      \(lane.model.snapshots[moment.durable].text)after \(moment.begun):
      \(lane.model.snapshots[moment.begun].text)
      """
  }

  private func filesProblem(
    _ lane: CrashLane, _ tree: CrashTree, _ fileSystem: FileSystem, _ moment: CrashMoment.Lane,
    _ operation: Int
  ) throws(Errno) -> String? {
    let files = lane.model.snapshots[operation].files
    guard files.count == tree.files.count else { return "\(tree.files.count) files for \(files.count)" }
    for (expected, file) in zip(files, tree.files) {
      let durable = moment.durableData(of: expected.node)
      // What the last operation that commits the file has left, or a later one.
      let sizes = Self.committed(
        lane.model.versions(of: expected.node, since: durable, to: max(operation, durable)))
      guard sizes.contains(where: { $0.content.count == file.byteCount }) else {
        return """
          \(file.path): \(file.byteCount) bytes, not \(sizes.map { "\($0.content.count) by \($0.operation)" }) (names as \
          after \(operation))
          """
      }
      let times = Self.committed(
        lane.model.versions(
          of: expected.node, since: moment.durableTimes(of: expected.node), to: operation))
      guard times.contains(where: { $0.modificationTime ?? file.modificationTime == file.modificationTime })
      else {
        return "\(file.path): modified at \(file.modificationTime), not \(times.map(\.modificationTime))"
      }
      let versions = lane.model.versions(of: expected.node, since: durable, to: moment.begun)
      if let problem = try contentProblem(of: file, fileSystem, versions) { return problem }
    }
    return nil
  }

  private static func committed(_ versions: ArraySlice<CrashModel.Version>) -> ArraySlice<CrashModel.Version>
  {
    versions[(versions.lastIndex(where: \.isCommitted) ?? versions.startIndex)...]
  }

  // MARK: Without a journal

  /// Files that no operation since the last durable one has touched, nor what is above them, must be as they were.
  private func lossOfSettled(
    _ lane: CrashLane, _ tree: CrashTree, _ fileSystem: FileSystem, _ moment: CrashMoment.Lane
  ) throws(Errno) -> String? {
    let snapshots = lane.model.snapshots[moment.durable...moment.begun]
    guard let first = snapshots.first else { return nil }
    let found = Dictionary(grouping: tree.files, by: \.path)
    for (path, node) in first.files {
      let isSettled = snapshots.allSatisfy { snapshot in
        snapshot.files.contains { $0.path == path && $0.node == node }
      }
      guard isSettled else { continue }
      guard let file = found[path]?.first else { return "\(path) is missing" }
      let durable = moment.durableData(of: node)
      let versions = lane.model.versions(of: node, since: durable, to: moment.begun)
      guard let version = versions.first, version.operation <= durable else { continue }
      guard versions.contains(where: { $0.content.count == file.byteCount }) else {
        return "\(path): \(file.byteCount) bytes for \(versions.map(\.content.count))"
      }
      if let problem = try contentProblem(of: file, fileSystem, versions) { return problem }
    }
    return nil
  }

  // MARK: Data

  /// Each sector must be that of one of the versions.
  private func contentProblem(
    of file: CrashTree.File, _ fileSystem: FileSystem, _ versions: ArraySlice<CrashModel.Version>
  ) throws(Errno) -> String? {
    let bytes = try fileSystem.read(
      fileSystem.openInode(file.number), offset: 0, byteCount: file.byteCount, resources
    ).bytes
    guard bytes.count == file.byteCount else {
      return "\(file.path): only \(bytes.count) of \(file.byteCount) bytes can be read"
    }
    if versions.contains(where: { $0.content == bytes }) {
      return nil
    }
    var offset = 0
    while offset < bytes.count {
      let end = min(offset + 512, bytes.count)
      let sector = bytes[offset..<end]
      guard versions.contains(where: { Self.holds(sector, $0.content, at: offset) }) else {
        let start = Array(sector.prefix(48))
        return """
          \(file.path): bytes \(offset)..<\(end) of \(file.byteCount) are of no version since operation \
          \(versions.first?.operation ?? -1): \(start)
          """
      }
      offset = end
    }
    return nil
  }

  /// Whether a sector is what a version has there; beyond its end it has zeros.
  private static func holds(_ sector: ArraySlice<UInt8>, _ content: [UInt8], at offset: Int) -> Bool {
    for index in 0..<sector.count {
      let expected = offset + index < content.count ? content[offset + index] : 0
      if sector[sector.startIndex + index] != expected { return false }
    }
    return true
  }
}
