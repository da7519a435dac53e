import HostSystem
import Testing

@Suite struct PlacementTopologyTests {
  @Test("nodes, CPUs, cores and siblings are read")
  func twoNodesSMT() throws {
    let topology = try RecordedTopology("two-nodes-smt").topology()
    #expect(topology.nodes.map(\.cpus.description) == ["0-3,8-11", "4-7,12-15"])
    #expect(topology.nodes.map(\.distances) == [[0: 10, 1: 21], [0: 21, 1: 10]])
    #expect(topology.nodes.map(\.memoryByteCount) == [65_536_000 << 10, 65_536_000 << 10])
    #expect(topology.cpus.count == 16)
    let cpu = try #require(topology.cpu(13))
    #expect(cpu.node == 1)
    #expect(cpu.packageID == 1)
    #expect(cpu.coreID == 1)
    #expect(cpu.siblings == CPUSet([5, 13]))
    #expect(topology.cpus.allSatisfy { $0.isUsable })
  }

  @Test("nodes are ordered by distance, then by number")
  func distances() throws {
    let topology = try RecordedTopology("four-nodes").topology()
    #expect(topology.nodes(byDistanceFrom: 0).map(\.id) == [0, 1, 3, 2])
    #expect(topology.nodes(byDistanceFrom: 2).map(\.id) == [2, 1, 3, 0])
  }

  @Test("a node without memory and a node without CPUs are distinguished from the others")
  func memorylessNode() throws {
    let topology = try RecordedTopology("memoryless-node").topology()
    #expect(topology.nodes.map(\.hasMemory) == [true, false, true])
    #expect(topology.nodes.map(\.cpus.isEmpty) == [false, false, true])
  }

  @Test("CPUs that are offline or not allowed are not usable")
  func unusableCPUs() throws {
    let topology = try RecordedTopology("nosmt").topology(allowed: "1-2,6")
    #expect(topology.cpus.map(\.isOnline) == [true, true, true, true, false, false, false, false])
    #expect(topology.cpus.filter(\.isUsable).map(\.id) == [1, 2])
    #expect(topology.cpu(6)?.coreID == nil)
  }

  @Test("every recording is understood", arguments: RecordedTopology.names)
  func recordings(name: String) throws {
    let topology = try RecordedTopology(name).topology()
    #expect(!topology.nodes.isEmpty)
    for cpu in topology.cpus where cpu.isOnline {
      #expect(cpu.siblings.contains(cpu.id))
      #expect(topology.node(cpu.node)?.cpus.contains(cpu.id) == true)
    }
  }

  @Test(
    "the node of a device is that of the controller below it",
    arguments: [
      ("two-nodes-smt", "8:0", 0),  // a disk
      ("two-nodes-smt", "259:0", 1),  // an NVMe namespace
      ("two-nodes-smt", "259:1", 1),  // its partition
      ("two-nodes-smt", "253:0", 1),  // device-mapper on the partition
      ("two-nodes-smt", "253:1", 1),  // device-mapper on device-mapper
      ("two-nodes", "259:0", 1),  // NVMe multipath
      ("four-nodes-smt", "259:0", 3), ("memoryless-node", "259:1", 1),
    ])
  func storage(name: String, device: String, node: Int) throws {
    #expect(try RecordedTopology(name).node(ofDevice: device) == node)
  }

  @Test(
    "the node of a device may be unknown",
    arguments: [
      ("two-nodes-smt", "9:0"),  // md over two nodes
      ("two-nodes-smt", "259:9"),  // its partition
      ("two-nodes-smt", "253:2"),  // a circle
      ("two-nodes-smt", "7:0"),  // a loop device
      ("two-nodes-smt", "0:27"),  // no block device
      ("one-node", "259:0"),  // the kernel says -1
      ("one-node-two-cores", "254:0"),
    ])
  func unknownStorage(name: String, device: String) throws {
    #expect(try RecordedTopology(name).node(ofDevice: device) == nil)
  }
}
