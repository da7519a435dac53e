public import HostSystem
import SystemPackage

/// The properties of a machine before any device is plugged in.
public struct MachineConfiguration: Sendable {
  /// A short name for the machine's threads and messages.
  public var name: String
  /// Size of RAM in bytes, a multiple of 4,096.
  public var memoryByteCount: UInt64
  /// The number of vCPUs.
  public var vcpuCount: Int
  /// The CPUs of each vCPU's thread; a vCPU without an entry is not pinned.
  public var vcpuAffinity: [CPUSet]
  /// The NUMA node to which RAM is bound, if any.
  public var memoryNode: Int?
  /// Whether to make every page of RAM resident before the guest starts.
  public var prefaultsMemory: Bool
  /// Whether to ask the kernel for transparent huge pages, which cause fewer page faults and TLB misses.
  public var advisesHugePages = false
  /// Whether the kernel may merge pages of RAM with pages of equal contents (KSM).
  public var mergesPages = false
  /// Where the hugetlbfs is mounted whose pages are RAM, if that is wanted.
  public var hugePagesPath: String?
  /// Whether RAM is a file that vextd can map, for a disk that it serves.
  public var sharesMemory = false
  /// What the machine logs about its guest.
  public var debug: MachineDebugOptions

  /// Makes a configuration; the machine is not pinned, bound or prefaulted by default.
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

  /// Allocates the machine's RAM, which is all zeroes.
  func makeMemory() throws(MachineError) -> GuestMemory {
    let memory = try makeUnpreparedMemory()
    if mergesPages {
      do throws(Errno) { try memory.adviseMergeable() } catch { throw .merging(error) }
    }
    do throws(Errno) {
      // Only advice: a kernel without huge pages returns EINVAL, and RAM works without them.
      if advisesHugePages { try? memory.adviseHugePages() }
      if prefaultsMemory { try memory.prefault() }
      return memory
    } catch {
      throw .memory(byteCount: memoryByteCount, error)
    }
  }

  private func makeUnpreparedMemory() throws(MachineError) -> GuestMemory {
    guard let hugePagesPath else {
      do throws(Errno) {
        return try GuestMemory(byteCount: memoryByteCount, node: memoryNode, isShared: sharesMemory)
      } catch {
        throw .memory(byteCount: memoryByteCount, error)
      }
    }
    do throws(Errno) {
      return try GuestMemory(byteCount: memoryByteCount, hugePagesAt: hugePagesPath, node: memoryNode)
    } catch {
      throw .hugePages(path: hugePagesPath, byteCount: memoryByteCount, error)
    }
  }
}

/// What a machine logs about its guest while it runs. All options are off by default.
public struct MachineDebugOptions: Equatable, Sendable {
  /// Logs each access to a port that no device claims.
  public var logsUnclaimedPorts = false
  /// Logs each access to a memory address that neither RAM nor a device claims.
  public var logsUnclaimedMemory = false
  /// Additional delay of each access to a device, in milliseconds.
  public var accessDelayMilliseconds: UInt64 = 0
  /// Logs the address of each instruction before it is executed.
  public var singleSteps = false

  /// Makes options that are all off.
  public init() {}
}
