/// The huge pages of one size that are reserved on one node.
struct HugePages: Codable, Equatable, Sendable {
  /// The node; nil on a kernel without NUMA.
  var node: Int?
  /// The size of each.
  var pageBytes: UInt64
  /// How many there are.
  var count: Int
  /// How many of them are free.
  var freeCount: Int

  /// The names in the JSON file.
  enum CodingKeys: String, CodingKey {
    case node
    case pageBytes = "page_bytes"
    case count
    case freeCount = "free"
  }

  /// All that sysfs tells, by node, then by size; nil if it tells nothing.
  static func capture(_ files: KernelFiles) -> [HugePages]? {
    let folder = "sys/devices/system/node"
    let nodes = files.entries(folder).compactMap { $0.hasPrefix("node") ? Int($0.dropFirst(4)) : nil }
      .sorted()
    var pages = nodes.flatMap { sizes(in: "\(folder)/node\($0)/hugepages", node: $0, files) }
    if pages.isEmpty { pages = sizes(in: "sys/kernel/mm/hugepages", node: nil, files) }
    return pages.isEmpty ? nil : pages
  }

  private static func sizes(in folder: String, node: Int?, _ files: KernelFiles) -> [HugePages] {
    let sizes = files.entries(folder).compactMap { name -> HugePages? in
      // hugepages-2048kB
      guard let kibibytes = UInt64(name.dropFirst("hugepages-".count).dropLast("kB".count)),
        kibibytes < 1 << 53,
        let count: Int = files.number("\(folder)/\(name)/nr_hugepages"),
        let free: Int = files.number("\(folder)/\(name)/free_hugepages")
      else { return nil }
      return HugePages(node: node, pageBytes: kibibytes * 1024, count: count, freeCount: free)
    }
    return sizes.sorted { $0.pageBytes < $1.pageBytes }
  }
}
