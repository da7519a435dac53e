import Foundation
import HostSystem
import Hypervisor

/// Starts another VMM with a guest.
struct PeerStart {
  /// Which VMM.
  let vmm: VMM
  /// What was asked for.
  let configuration: RunConfiguration
  /// Where threads and memory go.
  let placement: RunPlacement
  /// What executes guest code on the host.
  let backend: KVMBackend

  /// A machine with guest `index` on the disk at `diskPath`, which waits to be let run.
  ///
  /// - Parameters:
  ///   - isReadOnly: Whether the guest may only read the disk.
  ///   - errorPath: Where the program's messages go.
  /// - Throws: ``BenchFailure`` with the program's own words if it does not start.
  func machine(
    guest index: Int, boot: PeerGuest.Boot, memory: ByteSize, diskPath: String, isReadOnly: Bool,
    errorPath: String
  ) throws -> PeerMachine {
    let guest = PeerGuest(
      name: Self.name(guest: index), boot: boot, memory: memory, memoryNode: placement.plan.memoryNode,
      vcpuCount: configuration.workerCount,
      disk: PeerGuest.Disk(
        path: diskPath, byteCount: try DiskSize.byteCount(diskPath),
        isBlockDevice: Self.isBlockDevice(diskPath), isReadOnly: isReadOnly,
        isDirect: configuration.opensDirectly, engine: configuration.engine))
    do {
      return PeerMachine(
        index: index, program: try program(guest, errorPath: errorPath),
        vcpuCount: configuration.workerCount, affinity: placement.vcpuAffinity(guest: index),
        ioThreadCPUs: placement.ioThreadCPUs(guest: index), memoryNode: placement.plan.memoryNode)
    } catch let error as BenchFailure {
      throw BenchFailure("guest \(index): \(error.description)", exitCode: error.exitCode)
    }
  }

  private func program(_ guest: PeerGuest, errorPath: String) throws -> any PeerProgram {
    let program = try PeerRequirements.program(vmm, path: configuration.vmmPath)
    switch (vmm, guest.boot) {
    case (.qemu, _):
      return try QEMUProgram(
        program: program, command: QEMUCommand(guest: guest, backend: backend), errorPath: errorPath)
    case (.kvmtool, .linux(let linux)):
      return try KvmtoolProgram(
        program: program, command: KvmtoolCommand(guest: guest, linux: linux), consolePath: linux.consolePath,
        errorPath: errorPath)
    case (.kvmtool, .firmware), (.builtin, _): preconditionFailure("the configuration was judged before")
    }
  }

  static func isBlockDevice(_ path: String) -> Bool {
    let type = (try? FileManager.default.attributesOfItem(atPath: path))?[.type] as? FileAttributeType
    return type == .typeBlockSpecial
  }

  /// No two guests on a host may have the same for kvmtool, which may leave it taken when it dies.
  private static func name(guest index: Int) -> String {
    "bench-\(getpid())-\(index)-\(String(UInt32.random(in: .min ... .max), radix: 16))"
  }
}
