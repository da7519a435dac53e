import HostSystem
import Hypervisor
import Testing

@testable import Bench

extension DebianGuestTests {
  /// bench's planner on a real topology: the virtual host has two NUMA nodes, with one CPU each.
  struct PlacementTests {
    @Test func `the virtual host's two nodes are read from sysfs`() throws {
      let topology = try NUMATopology.read()
      #expect(topology.nodes.map(\.id) == [0, 1])
      #expect(topology.nodes.map(\.cpus) == [CPUSet([0]), CPUSet([1])])
      #expect(topology.nodes.allSatisfy { $0.hasMemory })
    }

    @Test(arguments: [0, 1])
    func `the I/O thread and the guest's memory go to the disk's node, the vCPU to the other CPU`(node: Int)
      throws
    {
      let placement = try PlacementPlanner.plan(
        PlacementRequest(guests: 1, vcpusPerGuest: 1, ioThreads: 1, storageNode: node),
        on: NUMATopology.read())
      #expect(placement.ioThreadCPUs == [node])
      #expect(placement.vcpuCPUs == [[1 - node]])
      #expect(placement.memoryNode == node)
      #expect(!placement.oversubscribed)
    }

    @Test(arguments: [0, 1])
    func `guest memory comes from the node that it is bound to`(node: Int) throws {
      let memory = try GuestMemory(byteCount: 16 << 20, node: node)
      try memory.prefault()
      for offset in stride(from: 0, to: 16 << 20, by: 4 << 20) {
        #expect(try memory.node(ofPageAt: offset) == node)
      }
    }
  }
}
