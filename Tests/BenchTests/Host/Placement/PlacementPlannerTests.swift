import HostSystem
import Testing

@testable import Bench

@Suite struct PlacementPlannerTests {
  @Test("one I/O thread and one vCPU fill two cores")
  func twoCores() throws {
    let placement = try plan("one-node-two-cores", guests: 1, vcpus: 1, ioThreads: 1)
    #expect(placement.ioThreadCPUs == [0])
    #expect(placement.vcpuCPUs == [[1]])
    #expect(placement.memoryNode == 0)
    #expect(placement.housekeepingCPUs == CPUSet([1]))
    #expect(!placement.oversubscribed)
    #expect(placement.notes.isEmpty)
  }

  @Test("the I/O thread takes the CPU that takes the disk's interrupts, near the disk only")
  func interrupts() throws {
    let topology = try RecordedTopology("one-node-two-cores").topology()
    var request = PlacementRequest(guests: 1, vcpusPerGuest: 1, ioThreads: 1, interruptCPUs: CPUSet([1]))
    var placement = try PlacementPlanner.plan(request, on: topology)
    #expect(placement.ioThreadCPUs == [1])
    #expect(placement.vcpuCPUs == [[0]])
    request.interruptCPUs = CPUSet([0, 1])
    placement = try PlacementPlanner.plan(request, on: topology)
    #expect(placement.ioThreadCPUs == [0])

    request.storageNode = 1
    request.interruptCPUs = CPUSet([0])  // on node 0
    placement = try PlacementPlanner.plan(request, on: try RecordedTopology("two-nodes").topology())
    #expect(placement.ioThreadCPUs.first != 0)
  }

  @Test("eight guests on two cores leave the I/O thread its core, and the plan says so")
  func eightGuestsOnTwoCores() throws {
    let placement = try plan("one-node-two-cores", guests: 8, vcpus: 1, ioThreads: 1)
    #expect(placement.ioThreadCPUs == [0])
    #expect(placement.vcpuCPUs == Array(repeating: [1], count: 8))
    #expect(placement.housekeepingCPUs == CPUSet([1]))
    #expect(placement.oversubscribed)
    #expect(
      placement.notes == [
        "2 usable CPUs are too few for 9 busy threads.", "8 vCPUs share CPU 1 and wait for one another.",
      ])
  }

  @Test("guests without work need no CPU of their own")
  func idleGuests() throws {
    let request = PlacementRequest(guests: 8, busyGuests: 1, vcpusPerGuest: 1, ioThreads: 1)
    let placement = try PlacementPlanner.plan(request, on: RecordedTopology("one-node-two-cores").topology())
    #expect(placement.vcpuCPUs == Array(repeating: [1], count: 8))
    #expect(!placement.oversubscribed)
    #expect(placement.notes.isEmpty)
  }

  @Test("more I/O threads than CPUs leave one CPU for the vCPUs")
  func manyIOThreads() throws {
    let placement = try plan("one-node-two-cores", guests: 1, vcpus: 1, ioThreads: 3)
    #expect(placement.ioThreadCPUs == [0, 0, 0])
    #expect(placement.vcpuCPUs == [[1]])
    #expect(placement.oversubscribed)
  }

  @Test("on a single CPU all threads share it")
  func singleCPU() throws {
    let placement = try plan("one-node-two-cores", allowed: "1", guests: 1, vcpus: 2, ioThreads: 1)
    #expect(placement.ioThreadCPUs == [1])
    #expect(placement.vcpuCPUs == [[1, 1]])
    #expect(placement.housekeepingCPUs == CPUSet([1]))
    #expect(placement.oversubscribed)
    #expect(placement.notes.contains("I/O threads and vCPUs share CPU 1 and wait for one another."))
  }

  @Test("vCPUs take whole cores first, then the other hardware threads, the I/O thread's last")
  func hardwareThreads() throws {
    let three = try plan("one-node-smt", guests: 1, vcpus: 3, ioThreads: 1)
    #expect(three.ioThreadCPUs == [0])
    #expect(three.vcpuCPUs == [[1, 2, 3]])
    #expect(three.notes.isEmpty)
    // No whole core is free: the free hardware threads, the one beside the I/O thread among them.
    #expect(three.housekeepingCPUs == CPUSet(4...7))

    let six = try plan("one-node-smt", guests: 2, vcpus: 3, ioThreads: 1)
    #expect(six.vcpuCPUs == [[1, 2, 3], [5, 6, 7]])
    #expect(!six.oversubscribed)
    #expect(six.notes == ["6 of 6 vCPUs run on a core that another vCPU uses, too."])

    let seven = try plan("one-node-smt", guests: 1, vcpus: 7, ioThreads: 1)
    #expect(seven.vcpuCPUs == [[1, 2, 3, 5, 6, 7, 4]])
    #expect(!seven.oversubscribed)
    #expect(seven.notes.contains("A vCPU runs on the other hardware thread of an I/O thread's core (CPU 0)."))

    let eight = try plan("one-node-smt", guests: 8, vcpus: 1, ioThreads: 1)
    #expect(eight.vcpuCPUs.last == [1])
    #expect(eight.oversubscribed)
  }

  @Test("several I/O threads leave a whole core to the vCPUs before they take the last one")
  func ioThreadsOnSMT() throws {
    let three = try plan("one-node-smt", guests: 1, vcpus: 1, ioThreads: 3)
    #expect(three.ioThreadCPUs == [0, 1, 2])
    #expect(three.vcpuCPUs == [[3]])
    #expect(three.notes.isEmpty)

    let four = try plan("one-node-smt", guests: 1, vcpus: 1, ioThreads: 4)
    #expect(four.ioThreadCPUs == [0, 1, 2, 4])
    #expect(four.vcpuCPUs == [[3]])
    #expect(four.notes == ["I/O threads run on hardware threads of the same core (CPUs 0,4)."])

    let seven = try plan("one-node-smt", guests: 1, vcpus: 1, ioThreads: 7)
    #expect(seven.ioThreadCPUs == [0, 1, 2, 4, 5, 6, 3])
    #expect(seven.vcpuCPUs == [[7]])
    #expect(!seven.oversubscribed)
  }

  @Test("a single core with two hardware threads gives one to each side")
  func oneCoreSMT() throws {
    let placement = try plan("one-core-smt", guests: 1, vcpus: 1, ioThreads: 1)
    #expect(placement.ioThreadCPUs == [0])
    #expect(placement.vcpuCPUs == [[1]])
    #expect(!placement.oversubscribed)
    #expect(placement.notes == ["A vCPU runs on the other hardware thread of an I/O thread's core (CPU 0)."])
  }

  @Test("all is near an NVMe device on the far node")
  func farNVMe() throws {
    let recorded = try RecordedTopology("two-nodes-smt")
    let storageNode = try recorded.node(ofDevice: "259:1")
    let topology = try recorded.topology()
    let request = PlacementRequest(guests: 1, vcpusPerGuest: 3, ioThreads: 1, storageNode: storageNode)
    let placement = try PlacementPlanner.plan(request, on: topology)
    #expect(placement.ioThreadCPUs == [4])
    #expect(placement.vcpuCPUs == [[5, 6, 7]])
    #expect(placement.memoryNode == 1)
    #expect(placement.housekeepingCPUs == CPUSet(parsing: "0-3,8-11"))
    #expect(placement.notes.isEmpty)

    // The node's own hardware threads come before the other node, and those before the I/O thread's sibling.
    var larger = request
    larger.vcpusPerGuest = 15
    let full = try PlacementPlanner.plan(larger, on: topology)
    #expect(full.vcpuCPUs == [[5, 6, 7, 13, 14, 15, 0, 1, 2, 3, 8, 9, 10, 11, 12]])
    #expect(!full.oversubscribed)
    #expect(full.notes.contains("8 of 15 vCPUs run outside NUMA node 1."))
  }

  @Test(
    "with four nodes the nearest ones are used next",
    arguments: [("four-nodes", [5, 2, 3, 6, 7, 0, 1]), ("four-nodes-smt", [5, 13, 2, 3, 10, 11, 6])])
  func fourNodes(name: String, cpus: [Int]) throws {
    let placement = try plan(name, guests: 1, vcpus: 7, ioThreads: 1, storageNode: 2)
    #expect(placement.ioThreadCPUs == [4])
    #expect(placement.vcpuCPUs == [cpus])
    #expect(placement.memoryNode == 2)
  }

  @Test("an unknown storage node means the node with the most free cores, of equal ones the lowest")
  func unknownStorage() throws {
    let equal = try plan("two-nodes", guests: 1, vcpus: 1, ioThreads: 1)
    #expect(equal.memoryNode == 0)
    #expect(equal.ioThreadCPUs == [0])
    #expect(equal.notes == ["The NUMA node of the storage device is unknown; node 0 is used."])

    let unequal = try plan("two-nodes", allowed: "0-1,5-7", guests: 1, vcpus: 1, ioThreads: 1)
    #expect(unequal.memoryNode == 1)
    #expect(unequal.ioThreadCPUs == [5])

    // A node that the host does not have is as good as unknown.
    #expect(try plan("two-nodes", guests: 1, vcpus: 1, ioThreads: 1, storageNode: 7) == equal)
  }

  @Test("storage on a node without memory takes memory from the nearest node")
  func memorylessNode() throws {
    let placement = try plan("memoryless-node", guests: 1, vcpus: 1, ioThreads: 1, storageNode: 1)
    #expect(placement.ioThreadCPUs == [4])
    #expect(placement.vcpuCPUs == [[5]])
    #expect(placement.memoryNode == 0)
    #expect(placement.notes == ["NUMA node 1 has no memory; the guests' memory comes from node 0."])
  }

  @Test("storage on a node without CPUs takes CPUs of the nearest node")
  func nodeWithoutCPUs() throws {
    let placement = try plan("memoryless-node", guests: 1, vcpus: 1, ioThreads: 1, storageNode: 2)
    #expect(placement.memoryNode == 2)
    #expect(placement.ioThreadCPUs == [0])
    #expect(placement.vcpuCPUs == [[1]])
    #expect(
      placement.notes == [
        "1 of 1 I/O thread runs outside NUMA node 2.", "1 of 1 vCPU runs outside NUMA node 2.",
      ])
  }

  @Test("a cpuset is kept to, also where it takes hardware threads from cores")
  func cpuset() throws {
    // Cores with both threads: 1. With one: 0 (its second), 2 (its first); nothing of core 3.
    let placement = try plan("one-node-smt", allowed: "1-2,4-5", guests: 1, vcpus: 3, ioThreads: 1)
    #expect(placement.ioThreadCPUs == [1])
    #expect(placement.vcpuCPUs == [[2, 4, 5]])
    #expect(!placement.oversubscribed)
  }

  @Test("without I/O threads the vCPUs have all cores")
  func noIOThreads() throws {
    let placement = try plan("one-node-smt", guests: 1, vcpus: 4, ioThreads: 0)
    #expect(placement.ioThreadCPUs.isEmpty)
    #expect(placement.vcpuCPUs == [[0, 1, 2, 3]])
  }

  @Test(
    "every plan uses usable CPUs only, keeps I/O threads to themselves and tells of every compromise",
    arguments: RecordedTopology.names)
  func invariants(name: String) throws {
    let topology = try RecordedTopology(name).topology()
    let usable = CPUSet(topology.cpus.filter(\.isUsable).map(\.id))
    let nodes: [Int?] = [nil] + topology.nodes.map(\.id)
    for storageNode in nodes {
      for guests in 1...3 {
        for vcpus in 1...4 {
          for ioThreads in 0...4 {
            let request = PlacementRequest(
              guests: guests, vcpusPerGuest: vcpus, ioThreads: ioThreads, storageNode: storageNode)
            let placement = try PlacementPlanner.plan(request, on: topology)
            #expect(try PlacementPlanner.plan(request, on: topology) == placement)
            let vcpuCPUs = placement.vcpuCPUs.flatMap(\.self)
            #expect(placement.ioThreadCPUs.count == ioThreads)
            #expect(placement.vcpuCPUs.map(\.count) == Array(repeating: vcpus, count: guests))
            #expect(CPUSet(placement.ioThreadCPUs + vcpuCPUs).subtracting(usable).isEmpty)
            #expect(Set(placement.ioThreadCPUs).isDisjoint(with: vcpuCPUs))
            #expect(Set(placement.ioThreadCPUs).count == min(ioThreads, usable.count - 1))
            #expect(placement.oversubscribed == (ioThreads + guests * vcpus > usable.count))
            #expect(placement.oversubscribed == placement.notes.contains { $0.contains("too few") })
            #expect(!placement.housekeepingCPUs.isEmpty)
            #expect(placement.housekeepingCPUs.intersection(CPUSet(placement.ioThreadCPUs)).isEmpty)
            #expect(topology.node(placement.memoryNode)?.hasMemory == true)
          }
        }
      }
    }
  }
}

/// The plan for the recorded topology `name`.
func plan(
  _ name: String, allowed: String? = nil, guests: Int, vcpus: Int, ioThreads: Int, storageNode: Int? = nil,
  ioThreadCPUs: [Int]? = nil, vcpuCPUs: [Int]? = nil, numaNode: Int? = nil
) throws -> Placement {
  try PlacementPlanner.plan(
    PlacementRequest(
      guests: guests, vcpusPerGuest: vcpus, ioThreads: ioThreads, storageNode: storageNode,
      ioThreadCPUs: ioThreadCPUs,
      vcpuCPUs: vcpuCPUs, numaNode: numaNode),
    on: try RecordedTopology(name).topology(allowed: allowed))
}
