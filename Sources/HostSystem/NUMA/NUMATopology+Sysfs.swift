extension NUMATopology {
  /// The topology of this host, with the CPUs that the calling thread may use; call it before that is pinned.
  public static func read() throws(SysfsError) -> NUMATopology {
    let allowed: CPUSet
    do {
      allowed = try HostThread.currentCPUs()
    } catch {
      throw .unknownAffinity(error)
    }
    return try NUMATopology(allowed: allowed)
  }

  /// Reads `devices/system/cpu` and `devices/system/node` below `root` (Documentation/admin-guide/cputopology.rst
  /// and Documentation/ABI/stable/sysfs-devices-node of the kernel).
  ///
  /// A kernel without NUMA has no nodes: all CPUs are of node 0 then.
  ///
  /// - Parameters:
  ///   - root: Where sysfs is mounted, or a copy of the files.
  ///   - allowed: The CPUs that may be used; nil allows all.
  public init(sysfs root: String = "/sys", allowed: CPUSet? = nil) throws(SysfsError) {
    let cpuDirectory = SysfsDirectory("\(root)/devices/system/cpu")
    let nodeDirectory = SysfsDirectory("\(root)/devices/system/node")
    guard let present = try cpuDirectory.list("present"), !present.isEmpty else {
      throw .noCPUs(path: cpuDirectory.path)
    }
    let online = try cpuDirectory.list("online") ?? present

    var nodes: [NUMANode] = []
    let nodeIDs = try nodeDirectory.list("online")?.sorted ?? []
    for id in nodeIDs {
      nodes.append(try Self.node(id, of: nodeIDs, nodeDirectory["node\(id)"], online: online))
    }
    if nodes.isEmpty {
      nodes = [NUMANode(id: 0, cpus: online, distances: [0: 10], memoryByteCount: nil)]
    }

    var cpus: [LogicalCPU] = []
    for id in present.sorted {
      let topology = cpuDirectory["cpu\(id)/topology"]
      let siblings = try topology.list("thread_siblings_list")
      cpus.append(
        LogicalCPU(
          id: id,
          node: nodes.first { $0.cpus.contains(id) }?.id ?? nodes[0].id,
          coreID: try topology.integer("core_id"),
          packageID: try topology.integer("physical_package_id"),
          siblings: siblings ?? CPUSet([id]),
          isOnline: online.contains(id),
          isAllowed: allowed?.contains(id) ?? true))
    }
    self.init(nodes: nodes, cpus: cpus)
  }

  private static func node(
    _ id: Int, of ids: [Int], _ directory: SysfsDirectory, online: CPUSet
  ) throws(SysfsError) -> NUMANode {
    let cpus = try directory.list("cpulist") ?? CPUSet([])
    var distances = [id: 10]
    if let text = try directory.text("distance") {
      let values = text.split(separator: " ").compactMap { Int($0) }
      // One for each online node, in the order of their numbers.
      guard values.count == ids.count else {
        throw .malformed(path: "\(directory.path)/distance", text: text)
      }
      distances = Dictionary(uniqueKeysWithValues: zip(ids, values))
    }
    return NUMANode(
      id: id, cpus: cpus.intersection(online), distances: distances,
      memoryByteCount: try memoryByteCount(of: directory))
  }

  /// From the line `Node 0 MemTotal:  4027392 kB`.
  private static func memoryByteCount(of directory: SysfsDirectory) throws(SysfsError) -> UInt64? {
    guard let text = try directory.text("meminfo") else { return nil }
    if let byteCount = HostMemory.byteCount(of: "MemTotal", in: text) { return byteCount }
    throw .malformed(path: "\(directory.path)/meminfo", text: text)
  }
}
