public import HostSystem
import SystemPackage

/// What a machine is made of before any device is plugged in.
public struct MachineConfiguration: Sendable {
  /// Names the machine's threads and messages; a few characters.
  public var name: String
  /// Bytes of RAM, a multiple of 4,096.
  public var memoryByteCount: UInt64
  /// How many vCPUs.
  public var vcpuCount: Int
  /// Where each vCPU's thread runs; one without an entry is not pinned.
  public var vcpuAffinity: [CPUSet]
  /// The NUMA node that RAM is bound to, if any.
  public var memoryNode: Int?
  /// Whether every page of RAM is made resident before the guest starts.
  public var prefaultsMemory: Bool
  /// Whether the kernel is asked to back RAM by transparent huge pages: fewer faults, and fewer misses of the TLB.
  public var advisesHugePages = false
  /// What the machine tells about its guest.
  public var debug: MachineDebugOptions

  /// A configuration: unpinned, unbound, not prefaulted unless given.
  public init(
    name: String, memoryByteCount: UInt64, vcpuCount: Int, vcpuAffinity: [CPUSet] = [],
    memoryNode: Int? = nil, prefaultsMemory: Bool = false,
    debug: MachineDebugOptions = MachineDebugOptions()
  ) {
    self.name = name
    self.memoryByteCount = memoryByteCount
    self.vcpuCount = vcpuCount
    self.vcpuAffinity = vcpuAffinity
    self.memoryNode = memoryNode
    self.prefaultsMemory = prefaultsMemory
    self.debug = debug
  }

  /// RAM as the machine has it, with nothing in it.
  func makeMemory() throws(MachineError) -> GuestMemory {
    do throws(Errno) {
      let memory = try GuestMemory(byteCount: memoryByteCount, node: memoryNode)
      // Only advice: a kernel without huge pages says EINVAL, and nothing is lost.
      if advisesHugePages { try? memory.adviseHugePages() }
      if prefaultsMemory { try memory.prefault() }
      return memory
    } catch {
      throw .memory(byteCount: memoryByteCount, error)
    }
  }
}
