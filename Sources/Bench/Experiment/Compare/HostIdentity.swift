/// The machine that a row was measured on. Results of different machines are not compared.
struct HostIdentity: Codable, Hashable, Sendable {
  /// "model name" of /proc/cpuinfo.
  var cpu: String
  /// Release of the kernel.
  var kernel: String
  /// What executes guest code.
  var kvmBackend: String
  /// NUMA nodes.
  var numaNodes: Int

  /// The names in JSON files.
  enum CodingKeys: String, CodingKey {
    case cpu = "host_cpu"
    case kernel = "host_kernel"
    case kvmBackend = "kvm_backend"
    case numaNodes = "numa_nodes"
  }

  /// The machine that `host` describes.
  init(_ host: HostDescription) {
    cpu = host.cpuModel
    kernel = host.kernel
    kvmBackend = host.kvmBackend.rawValue
    numaNodes = host.numaNodes.count
  }

  /// The machine that `row` was measured on.
  init(_ row: Row) throws(CSVText.Fault) {
    cpu = row.text(\.hostCPU) ?? ""
    kernel = row.text(\.hostKernel) ?? ""
    kvmBackend = row.text(\.kvmBackend) ?? ""
    numaNodes = try row.integer(\.numaNodes)
  }

  /// The machine with any build of its kernel's version: `6.1.0` for `6.1.0-25-amd64`.
  var withoutKernelBuild: HostIdentity {
    var host = self
    host.kernel = String(kernel.prefix { $0 != "-" })
    return host
  }

  /// A name for files: `pvm-intel-r-xeon-r-processor-6-1-0`.
  var fileStem: String {
    let text = "\(kvmBackend)-\(cpu)-\(kernel)" + (numaNodes == 1 ? "" : "-\(numaNodes)nodes")
    let words = text.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    return words.joined(separator: "-")
  }

  /// One line for people.
  var summary: String { "\(cpu), Linux \(kernel), KVM \(kvmBackend), \(numaNodes) NUMA node(s)" }

  /// How this machine differs from `other`, for a person; empty if it does not.
  func differences(from other: HostIdentity) -> [String] {
    [
      (CodingKeys.cpu, cpu, other.cpu), (CodingKeys.kernel, kernel, other.kernel),
      (CodingKeys.kvmBackend, kvmBackend, other.kvmBackend),
      (CodingKeys.numaNodes, String(numaNodes), String(other.numaNodes)),
    ].filter { $0.1 != $0.2 }.map { "\($0.0.rawValue): '\($0.1)' and '\($0.2)'" }
  }
}
