import Hypervisor
import MicroGuest
import VextProtocol

/// The micro guest's image, its tables and where its workers start: the same in every VMM.
struct MicroGuestBoot {
  /// The tables that it runs on.
  let tables: LongModeBoot
  private let image: ImageLayout
  private let layout: GuestLayout

  /// Writes image and tables into `memory`.
  init(memory: GuestMemory, layout: GuestLayout, vcpuCount: Int) throws {
    let bytes = MicroGuestImage.bytes()
    guard let image = ImageLayout(image: bytes) else {
      throw BenchFailure("the embedded guest image is not one; rebuild the package")
    }
    try memory.write(bytes, at: GuestAddress(ImageHeader.loadAddress))
    var gates = (0..<ImageLayout.exceptionCount).map { vector in
      LongModeBoot.Gate(
        vector: UInt8(vector),
        handler: GuestAddress(image.exceptionStubsAddress + vector * image.exceptionStubStride))
    }
    gates.append(
      .init(vector: WorkloadLayout.interruptVector, handler: GuestAddress(image.interruptStubAddress)))
    gates.append(
      .init(vector: WorkloadLayout.spuriousVector, handler: GuestAddress(image.spuriousStubAddress)))
    tables = try LongModeBoot(
      memory: memory, tablesAt: layout.tablesAddress, vcpuCount: vcpuCount, gates: gates,
      spuriousVector: WorkloadLayout.spuriousVector)
    guard tables.tablesEnd <= layout.stacksAddress else {
      throw BenchFailure("the guest's tables do not fit below its stacks")
    }
    self.image = image
    self.layout = layout
  }

  /// Where worker `index` starts, and with what.
  func entry(worker index: Int) -> LongModeBoot.Entry {
    LongModeBoot.Entry(
      instruction: GuestAddress(image.entryAddress), stackTop: layout.stackTop(index),
      argument0: layout.parameterAddress.rawValue, argument1: UInt64(index),
      ring0Tag: layout.workerAddress.rawValue + UInt64(index * WorkloadLayout.workerStride))
  }
}
