import Foundation
import Testing

@testable import Bench

struct HostActivityTests {
  private func tree(_ files: [String: String], links: [String: String] = [:]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (path, text) in files {
      let url = try Self.place(folder.file(path))
      try Data("\(text)\n".utf8).write(to: url)
    }
    for (path, target) in links {
      let url = try Self.place(folder.file(path))
      try FileManager.default.createSymbolicLink(atPath: url.path, withDestinationPath: target)
    }
    return folder
  }

  /// The file at `path`, whose folder is made.
  private static func place(_ path: String) throws -> URL {
    let url = URL(filePath: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    return url
  }

  @Test("machines are known by a hypervisor's name or by KVM's descriptor, and this process is none of them")
  func machines() throws {
    let folder = try tree(
      [
        "proc/7/comm": "qemu-system-x86", "proc/30/comm": "java", "proc/31/comm": "bash",
        "proc/99/comm": "bench",
        "proc/5/comm": "kvm-nx-lpage-re",
      ],
      links: [
        "proc/self": "99", "proc/30/fd/12": "anon_inode:kvm-vm", "proc/31/fd/1": "/dev/null",
        "proc/99/fd/4": "anon_inode:kvm-vm",
      ])
    let activity = HostActivity(KernelFiles(root: folder.path))
    #expect(
      activity.machines == [.init(process: 7, name: "qemu-system-x86"), .init(process: 30, name: "java")])
    #expect(!activity.balancesInterrupts)
  }

  @Test("irqbalance is seen, and nothing on a host without /proc")
  func balancing() throws {
    let folder = try tree(["proc/700/comm": "irqbalance"])
    #expect(HostActivity(KernelFiles(root: folder.path)).balancesInterrupts)
    let empty = try TemporaryFolder()
    let nothing = HostActivity(KernelFiles(root: empty.path))
    #expect(nothing.machines.isEmpty && !nothing.balancesInterrupts)
  }

  @Test(
    "rights follow from capabilities, the limit on locked memory and the filter of system calls",
    arguments: [
      (
        "CapEff:\t0000000000000000\nSeccomp:\t2", "8388608",
        ProcessRights(
          lockedMemoryLimit: 8_388_608, mayLockMemory: false, isAdministrator: false, isFiltered: true)
      ),
      (
        "CapEff:\t0000000000004000\nSeccomp:\t0", "unlimited",
        ProcessRights(lockedMemoryLimit: nil, mayLockMemory: true, isAdministrator: false, isFiltered: false)
      ),
      (
        "CapEff:\t0000000000200000", "0",
        ProcessRights(lockedMemoryLimit: 0, mayLockMemory: false, isAdministrator: true, isFiltered: false)
      ),
    ])
  func rights(status: String, limit: String, expected: ProcessRights) throws {
    let folder = try tree([
      "proc/self/status": "Name:\tbench\n\(status)",
      "proc/self/limits":
        "Limit                     Soft Limit           Hard Limit           Units\n"
        + "Max locked memory         \(limit)              unlimited              bytes",
    ])
    #expect(ProcessRights(KernelFiles(root: folder.path)) == expected)
  }

  @Test("the device of KVM is missing or usable")
  func device() throws {
    let folder = try tree(["dev/kvm": ""])
    #expect(KVMDeviceAccess(path: folder.file("dev/kvm")) == .usable)
    #expect(KVMDeviceAccess(path: folder.file("dev/kvm2")) == .missing)
  }
}
