import Foundation
import HostSystem
import SystemPackage
import Testing

@Suite struct NUMATests {
  @Test("the topology of this host is what lscpu says")
  func lscpu() throws {
    let topology = try NUMATopology.read()
    let lines = try outputOfLscpu().split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(lines.count == topology.cpus.count { $0.isOnline })
    // CPU,Core,Socket,Node: lscpu numbers cores and sockets on its own, so these are compared as groups.
    let rows = lines.map { $0.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) } }
    for row in rows {
      let id = try #require(row[0])
      let cpu = try #require(topology.cpu(id))
      #expect(cpu.node == row[3] ?? 0)
      let sameCore = rows.filter { $0[1] == row[1] && $0[2] == row[2] }.compactMap { $0[0] }
      #expect(cpu.siblings == CPUSet(sameCore))
      let sameSocket = rows.filter { $0[2] == row[2] }.compactMap { $0[0] }
      #expect(CPUSet(topology.cpus.filter { $0.packageID == cpu.packageID }.map(\.id)) == CPUSet(sameSocket))
    }
    #expect(topology.cpus.contains { $0.isUsable })
    #expect(topology.nodes.contains { $0.hasMemory })
  }

  @Test("the device below a file of this host is found, and a missing file is not")
  func storage() throws {
    #expect(try StorageLocation(path: "/proc/self/status").deviceNumber.hasPrefix("0:"))
    #expect(try StorageLocation(path: "/proc/self/status").node == nil)
    let here = try StorageLocation(path: "/")
    #expect(StorageLocation.numaNode(ofFile: "/") == here.node)
    #expect(StorageLocation.numaNode(ofFile: "/nonexistent") == nil)
    #expect(here.deviceNumber.split(separator: ":").count == 2)
    #expect(throws: SysfsError.unreadable(path: "/nonexistent", .noSuchFileOrDirectory)) {
      try StorageLocation(path: "/nonexistent")
    }
  }

  @Test("a device's interrupts belong to the CPUs that took a good share of them")
  func interrupts() throws {
    let device = "devices/pci0000:00/0000:00:02.0"
    let tree = try SysfsTree([
      "\(device)/virtio1/block/vda/size": "1", "\(device)/msi_irqs/35": "msix",
      "\(device)/msi_irqs/36": "msix",
      "kernel/irq/35/per_cpu_count": "3,0,0", "kernel/irq/36/per_cpu_count": "1,900,700",
    ])
    try tree.link("dev/block/254:0", to: "../../\(device)/virtio1/block/vda")
    #expect(try StorageLocation.interruptCPUs(ofDevice: "254:0", sysfs: tree.root) == CPUSet([1, 2]))
    #expect(try StorageLocation.interruptCPUs(ofDevice: "7:7", sysfs: tree.root).isEmpty)
  }

  @Test("a kernel without NUMA has one node of unknown memory")
  func withoutNUMA() throws {
    let tree = try SysfsTree(["devices/system/cpu/present": "0-1", "devices/system/cpu/online": "0-1"])
    let topology = try NUMATopology(sysfs: tree.root)
    let node = try #require(topology.nodes.first)
    #expect(topology.nodes.count == 1)
    #expect(node.id == 0)
    #expect(node.cpus == CPUSet([0, 1]))
    #expect(node.memoryByteCount == nil)
    #expect(node.hasMemory)
    #expect(topology.cpus.map(\.siblings) == [CPUSet([0]), CPUSet([1])])
  }

  @Test("files that are not as the kernel documents them are refused, and the error names them")
  func malformed() throws {
    let good = [
      "devices/system/cpu/present": "0", "devices/system/node/online": "0",
      "devices/system/node/node0/cpulist": "0",
      "devices/system/node/node0/distance": "10",
      "devices/system/node/node0/meminfo": "Node 0 MemTotal: 1024 kB\nNode 0 MemFree: 1 kB",
    ]
    let tree = try SysfsTree(good)
    #expect(try NUMATopology(sysfs: tree.root).nodes[0].memoryByteCount == 1 << 20)
    let bad = [
      "devices/system/cpu/present": "zero", "devices/system/node/online": "0-",
      "devices/system/node/node0/cpulist": "x",
      "devices/system/node/node0/distance": "10 20",
      "devices/system/node/node0/meminfo": "Node 0 MemFree: 1 kB",
      "devices/system/cpu/cpu0/topology/core_id": "one",
    ]
    for (file, text) in bad {
      let tree = try SysfsTree(good.merging([file: text]) { $1 })
      #expect(throws: SysfsError.malformed(path: "\(tree.root)/\(file)", text: text)) {
        try NUMATopology(sysfs: tree.root)
      }
    }
    #expect(throws: SysfsError.noCPUs(path: "/nonexistent/devices/system/cpu")) {
      try NUMATopology(sysfs: "/nonexistent")
    }
  }

  private func outputOfLscpu() throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/lscpu")
    process.arguments = ["-p=CPU,CORE,SOCKET,NODE"]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }
}

/// A directory of small files, removed with its owner.
private final class SysfsTree {
  let root: String

  init(_ files: [String: String]) throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "vext-sysfs-\(UUID().uuidString)")
    root = directory.path
    for (path, text) in files {
      let file = directory.appending(path: path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("\(text)\n".utf8).write(to: file)
    }
  }

  func link(_ path: String, to target: String) throws {
    let file = URL(fileURLWithPath: root).appending(path: path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: target)
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }
}
