import HostSystem
import Testing

@testable import Bench

@Suite struct PlacementOverrideTests {
  @Test("the CPUs that the user names are used in turn")
  func namedCPUs() throws {
    let placement = try plan(
      "two-nodes", guests: 2, vcpus: 2, ioThreads: 2, storageNode: 0, ioThreadCPUs: [3], vcpuCPUs: [0, 1, 2])
    #expect(placement.ioThreadCPUs == [3, 3])
    #expect(placement.vcpuCPUs == [[0, 1], [2, 0]])
    #expect(placement.oversubscribed)
    #expect(
      placement.notes == [
        "2 I/O threads share CPU 3 and wait for one another.",
        "4 vCPUs share CPUs 0-2 and wait for one another.",
      ])
  }

  @Test("the planner places what the user did not name around what they named")
  func partlyNamed() throws {
    let ioThread = try plan("one-node-smt", guests: 1, vcpus: 2, ioThreads: 1, ioThreadCPUs: [1])
    #expect(ioThread.ioThreadCPUs == [1])
    #expect(ioThread.vcpuCPUs == [[0, 2]])

    let vcpus = try plan("one-node-smt", guests: 1, vcpus: 2, ioThreads: 1, vcpuCPUs: [0, 1])
    #expect(vcpus.ioThreadCPUs == [2])
    #expect(vcpus.vcpuCPUs == [[0, 1]])

    // Every core has a busy vCPU: the I/O thread runs beside one.
    let crowded = try plan("one-node-smt", guests: 1, vcpus: 4, ioThreads: 1, vcpuCPUs: [0, 1, 2, 3])
    #expect(crowded.ioThreadCPUs == [4])
    #expect(crowded.notes == ["A vCPU runs on the other hardware thread of an I/O thread's core (CPU 4)."])
  }

  @Test("a disk that the user names twice is shared")
  func sharedByRequest() throws {
    let placement = try plan("one-node", guests: 1, vcpus: 1, ioThreads: 1, ioThreadCPUs: [2], vcpuCPUs: [2])
    #expect(placement.oversubscribed)
    #expect(placement.notes == ["I/O threads and vCPUs share CPU 2 and wait for one another."])
  }

  @Test("named CPUs beyond the number of threads are reported")
  func surplus() throws {
    let placement = try plan(
      "one-node", guests: 1, vcpus: 1, ioThreads: 1, ioThreadCPUs: [0, 1], vcpuCPUs: [2, 3, 4])
    #expect(placement.ioThreadCPUs == [0])
    #expect(placement.vcpuCPUs == [[2]])
    #expect(
      placement.notes == [
        "Of the 2 CPUs of --io-thread-cpus the first 1 are used.",
        "Of the 3 CPUs of --vcpu-cpus the first 1 are used.",
      ])
  }

  @Test("a named node overrides that of the storage device")
  func namedNode() throws {
    let placement = try plan("two-nodes", guests: 1, vcpus: 1, ioThreads: 1, storageNode: 1, numaNode: 0)
    #expect(placement.memoryNode == 0)
    #expect(placement.ioThreadCPUs == [0])
    #expect(placement.notes == ["The storage device is on NUMA node 1, but --numa-node asks for node 0."])
  }

  @Test("memory follows the named CPUs if the storage node is unknown")
  func memoryFollowsCPUs() throws {
    #expect(try plan("two-nodes", guests: 1, vcpus: 1, ioThreads: 1, vcpuCPUs: [6]).memoryNode == 1)
    #expect(try plan("two-nodes", guests: 1, vcpus: 1, ioThreads: 1, ioThreadCPUs: [5]).memoryNode == 1)
  }

  @Test("missing or forbidden files are refused with the option's name")
  func refusals() throws {
    let cases: [(PlacementError, String, [Int]?, [Int]?, Int?)] = [
      (.unknownCPU(8, .ioThreadCPU), "--io-thread-cpus: there is no CPU 8", [8], nil, nil),
      (.unknownCPU(-1, .vcpuCPUs), "--vcpu-cpus: there is no CPU -1", nil, [0, -1], nil),
      (.offlineCPU(5, .vcpuCPUs), "--vcpu-cpus: CPU 5 is offline", nil, [5], nil),
      (
        .forbiddenCPU(3, .ioThreadCPU),
        "--io-thread-cpus: CPU 3 is not among those that this process may use (affinity or cpuset)", [3], nil,
        nil
      ),
      (.emptyList(.ioThreadCPU), "--io-thread-cpus: names no CPU", [], nil, nil),
      (.unknownNode(2, .numaNode), "--numa-node: there is no NUMA node 2", nil, nil, 2),
    ]
    for (error, text, ioThreadCPUs, vcpuCPUs, numaNode) in cases {
      #expect(error.description == text)
      #expect(throws: error) {
        try plan(
          "nosmt", allowed: "0-2", guests: 1, vcpus: 1, ioThreads: 1, ioThreadCPUs: ioThreadCPUs,
          vcpuCPUs: vcpuCPUs,
          numaNode: numaNode)
      }
    }
    #expect(throws: PlacementError.nodeWithoutMemory(1, .numaNode)) {
      try plan("memoryless-node", guests: 1, vcpus: 1, ioThreads: 1, numaNode: 1)
    }
    #expect(throws: PlacementError.noUsableCPU) {
      try plan("nosmt", allowed: "6", guests: 1, vcpus: 1, ioThreads: 1)
    }
  }
}
