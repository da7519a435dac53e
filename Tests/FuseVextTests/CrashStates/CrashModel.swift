/// What one thread of a workload has made of its directory, and what it was after each operation.
struct CrashModel {
  enum Kind: Equatable {
    case file
    case directory
    case symbolicLink(target: String)
    case pipe
  }

  /// The data of a file after an operation.
  struct Version {
    let operation: Int
    var content: [UInt8]
    /// The time of modification in seconds, if the workload has set it.
    var modificationTime: Int64?
    /// The operation hands size and times over to the file system's structures; others leave that for later.
    var isCommitted = false
  }

  struct Node {
    let kind: Kind
    let number: UInt32
    var mode: UInt16
    var user: UInt32 = 0
    var group: UInt32 = 0
    var attributes: [String: [UInt8]] = [:]
    /// Lookups that the file system has counted.
    var references: UInt64 = 1
    var linkCount = 1
    var versions: [Version] = []
    var entries: [String: Int] = [:]
  }

  /// A name in the tree.
  struct Place {
    let parent: Int
    let name: String
    let node: Int
    let path: String
  }

  /// The tree after an operation.
  struct Snapshot {
    let text: String
    let files: [(path: String, node: Int)]
  }

  /// The first is the thread's directory.
  var nodes: [Node]
  /// The number of the last operation.
  var operation = 0
  private(set) var snapshots: [Snapshot] = []

  init(directory number: UInt32) {
    nodes = [Node(kind: .directory, number: number, mode: 0o755)]
    takeSnapshot()
  }

  /// All names, each directory's sorted.
  var places: [Place] {
    var places: [Place] = []
    collect(0, "", &places)
    return places
  }

  private func collect(_ directory: Int, _ path: String, _ places: inout [Place]) {
    for (name, node) in nodes[directory].entries.sorted(by: { $0.key < $1.key }) {
      let place = Place(parent: directory, name: name, node: node, path: "\(path)/\(name)")
      places.append(place)
      if nodes[node].kind == .directory { collect(node, place.path, &places) }
    }
  }

  /// Whether a node is a directory or lies below it.
  func isInside(_ node: Int, of directory: Int) -> Bool {
    node == directory || nodes[directory].entries.values.contains { isInside(node, of: $0) }
  }

  func content(of node: Int) -> [UInt8] { nodes[node].versions.last?.content ?? [] }

  /// The data of a file change.
  mutating func addVersion(
    of node: Int, content: [UInt8], modificationTime: Int64? = nil, isCommitted: Bool = false
  ) {
    nodes[node].versions.append(
      Version(
        operation: operation, content: content, modificationTime: modificationTime, isCommitted: isCommitted))
  }

  /// The operation is over.
  mutating func takeSnapshot() {
    let places = places
    snapshots.append(
      Snapshot(
        text: CrashTree.text(places.map { ($0.path, description(of: $0.node), UInt64($0.node)) }),
        files: places.filter { nodes[$0.node].kind == .file }.map { ($0.path, $0.node) }))
  }

  private func description(of index: Int) -> String {
    let node = nodes[index]
    let (type, target): (UInt16, String) =
      switch node.kind {
      case .file: (0o100000, "")
      case .directory: (0o040000, "")
      case .symbolicLink(let target): (0o120000, target)
      case .pipe: (0o010000, "")
      }
    return CrashTree.description(
      mode: type | node.mode, user: node.user, group: node.group, target: target, attributes: node.attributes)
  }

  /// The versions of a file that may be on the disk, of which `durable` is the last operation that was made durable.
  func versions(of node: Int, since durable: Int, to last: Int) -> ArraySlice<Version> {
    let versions = nodes[node].versions
    let end = versions.firstIndex { $0.operation > last } ?? versions.count
    let first = versions[..<end].lastIndex { $0.operation <= durable } ?? 0
    return versions[min(first, end)..<end]
  }
}
