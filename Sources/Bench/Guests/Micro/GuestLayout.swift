import Hypervisor
import MicroGuest
import VextProtocol

/// Where everything is in a micro guest's memory, computed from the workload before anything is made.
///
/// ```
/// 1 MiB   the image
/// 2 MiB   page tables, descriptor tables, per-vCPU TSS and ring-0 stack   (LongModeBoot)
///         stacks | parameter page | worker words | heap
/// ```
struct GuestLayout: Equatable {
  private static let stackByteCount: UInt64 = 64 << 10
  private static let page: UInt64 = 4096
  /// Page tables for 4 GiB and the descriptor tables, generously.
  private static let fixedTablesByteCount: UInt64 = 16 * page
  private static let tablesPerVCPU: UInt64 = 4 * page

  /// Where ``LongModeBoot`` puts its structures.
  let tablesAddress: GuestAddress
  /// The first worker's stack; the others follow.
  let stacksAddress: GuestAddress
  /// The page that tells the guest its work.
  let parameterAddress: GuestAddress
  /// Worker 0's words; those of worker `i` are `i` times ``WorkloadLayout/workerStride`` further.
  let workerAddress: GuestAddress
  /// Memory that the workers share out among themselves.
  let heapAddress: GuestAddress
  /// RAM of the guest, and the end of the heap.
  let memoryByteCount: UInt64

  /// The layout for `configuration`, or nil where it needs more RAM than lies below the PCI hole.
  init?(_ configuration: RunConfiguration) {
    let workers = UInt64(configuration.workerCount)
    tablesAddress = GuestAddress(ImageHeader.loadAddress + ImageHeader.byteLimit)
    stacksAddress = GuestAddress(
      tablesAddress.rawValue + Self.fixedTablesByteCount + workers * Self.tablesPerVCPU)
    parameterAddress = GuestAddress(stacksAddress.rawValue + workers * Self.stackByteCount)
    workerAddress = GuestAddress(parameterAddress.rawValue + UInt64(WorkloadLayout.parameterByteCount))
    heapAddress = GuestAddress(workerAddress.rawValue + workers * UInt64(WorkloadLayout.workerStride))
    let (heap, overflow) = Self.heapPerWorker(configuration).multipliedReportingOverflow(by: workers)
    let (end, endOverflow) = heapAddress.rawValue.addingReportingOverflow(heap)
    guard !overflow, !endOverflow, end <= GuestMemory.pciHoleStart else { return nil }
    memoryByteCount = (end + (2 << 20) - 1) & ~((2 << 20) - 1)
  }

  /// The top of worker `index`'s stack.
  func stackTop(_ index: Int) -> GuestAddress {
    GuestAddress(stacksAddress.rawValue + UInt64(index + 1) * Self.stackByteCount)
  }

  /// Buffers of whole pages, a page of segment list or descriptors for each request, 512 KiB for rings of the
  /// largest depth and histograms, and 16 bytes for each I/O block that verification keeps track of.
  private static func heapPerWorker(_ configuration: RunConfiguration) -> UInt64 {
    let block = configuration.blockSize.byteCount
    let buffer = (block + page - 1) & ~(page - 1)
    let requests = UInt64(configuration.iodepth) * (buffer + page)
    let blocks = configuration.verifies ? configuration.regionSize.byteCount / max(block, 1) : 0
    return (requests + (512 << 10) + blocks * 16 + page - 1) & ~(page - 1)
  }
}
