/// A node of the host: memory, and the CPUs that are close to it.
public struct NUMANode: Equatable, Sendable {
  /// The kernel's number.
  public let id: Int
  /// Its CPUs, as far as they are online.
  public let cpus: CPUSet
  /// The relative cost of reaching each node from here, by node; 10 is local.
  public let distances: [Int: Int]
  /// Its memory in bytes; nil if the kernel, built without NUMA, does not say.
  public let memoryByteCount: UInt64?

  /// Whether memory can be taken from it.
  public var hasMemory: Bool { memoryByteCount != 0 }
}
