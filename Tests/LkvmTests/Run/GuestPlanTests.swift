import HostSystem
import Hypervisor
import Testing

@testable import lkvm

/// What the options make of the machine, before any file is read.
struct GuestPlanTests {
  private static let host = HostResources(onlineCPUCount: 4, memoryByteCount: 4096 << 20)

  private static func options(_ arguments: [String]) throws -> RunSettings {
    try ParsedCommand.run(arguments).settings
  }

  @Test func `a machine has the host's CPUs and memory for them`() throws {
    let machine = try GuestPlan.machine(Self.options([]), name: "a", host: Self.host)
    #expect(machine.vcpuCount == 4)
    #expect(machine.memoryByteCount == 448 << 20)
    #expect(machine.vcpuAffinity.isEmpty)
  }

  @Test func `a machine has no more vCPUs than its KVM runs`() throws {
    var host = Self.host
    host.vcpuLimit = 3
    #expect(try GuestPlan.machine(Self.options(["-c", "200"]), name: "a", host: host).vcpuCount == 3)
    #expect(try GuestPlan.machine(Self.options([]), name: "a", host: host).vcpuCount == 3)
    #expect(try GuestPlan.machine(Self.options(["-c", "3"]), name: "a", host: host).vcpuCount == 3)
    #expect(try GuestPlan.machine(Self.options(["-c", "0"]), name: "a", host: host).vcpuCount == 3)
    let most = String(Int.max)
    #expect(try GuestPlan.machine(Self.options(["-c", most]), name: "a", host: host).vcpuCount == 3)
  }

  @Test(
    arguments: [
      ("4097", 4097 << 20), ("8191P", 8191 << 50), ("1B", 4096), ("4097B", 8192), ("1000001B", 1_003_520),
      ("9223372036854775807B", 1 << 63),
    ] as [(String, UInt64)])
  func `memory is in whole pages, and may be more than the host's`(size: String, byteCount: UInt64) throws {
    let machine = try GuestPlan.machine(Self.options(["-m", size]), name: "a", host: Self.host)
    #expect(machine.memoryByteCount == byteCount)
  }

  @Test func `lowering the user's number of vCPUs is a warning`() {
    var host = Self.host
    host.vcpuLimit = 3
    #expect(GuestPlan.vcpuCount(4, host: host) == (3, "--cpus 4: this KVM runs 3 vCPUs at most"))
    #expect(GuestPlan.vcpuCount(3, host: host) == (3, nil))
    #expect(GuestPlan.vcpuCount(nil, host: host) == (3, nil))
  }

  @Test func `vCPUs are pinned in order`() throws {
    let machine = try GuestPlan.machine(
      Self.options(["-c", "3", "--pin", "1,4-5"]), name: "a", host: Self.host)
    #expect(machine.vcpuAffinity == [CPUSet([1]), CPUSet([4]), CPUSet([5])])
  }

  @Test(
    arguments: [
      (["--pin", "x"], 64, "--pin x: not a list of CPUs"),
      (["--pin", "5-2"], 64, "--pin 5-2: not a list of CPUs"),
      (["--pin", "0-99999999999"], 64, "--pin 0-99999999999: not a list of CPUs"),
      (["-c", "2", "--pin", "0"], 64, "--pin 0: wanted one CPU for each of 2 vCPUs"),
      (["-c", "1", "--pin", "0,1"], 64, "--pin 0,1: wanted one CPU for each of 1 vCPUs"),
    ] as [([String], Int32, String)])
  func `a machine that cannot be is refused`(arguments: [String], exitCode: Int32, message: String) throws {
    let options = try Self.options(arguments)
    let failure = #expect(throws: LkvmFailure.self) {
      try GuestPlan.machine(options, name: "a", host: Self.host)
    }
    #expect(failure?.description.hasPrefix(message) == true)
    #expect(failure?.exitCode == exitCode)
  }

  @Test func `a guest with a device of the host has neither a balloon nor merged pages`() throws {
    let balloon = try Self.options(["--vfio-pci", "3:0.0", "--balloon"])
    let failure = #expect(throws: LkvmFailure.self) {
      try GuestPlan.machine(balloon, name: "a", host: Self.host)
    }
    #expect(failure?.description.hasPrefix("--vfio-pci 0000:03:00.0: ") == true)
    #expect(failure?.description.hasSuffix("leave out --balloon") == true)
    #expect(failure?.exitCode == 64)
    #expect(try GuestPlan.machine(Self.options(["--ksm"]), name: "a", host: Self.host).mergesPages)
    let merged = try Self.options(["--ksm", "--vfio-pci", "3:0.0"])
    #expect(try !GuestPlan.machine(merged, name: "a", host: Self.host).mergesPages)
  }

  @Test func `a device of the host that is not there is named, and without the option nothing is opened`()
    throws
  {
    let failure = #expect(throws: LkvmFailure.self) {
      try GuestPlan.hostDevices(Self.options(["--vfio-pci", "fffe:ff:1f.7"]))
    }
    #expect(
      failure?.description
        == "--vfio-pci: fffe:ff:1f.7: the host has no such PCI function; lspci -D lists them")
    #expect(failure?.exitCode == 1)
    #expect(try GuestPlan.hostDevices(Self.options([])) == nil)
  }

  @Test func `a guest has one card in user space unless an option says otherwise`() throws {
    #expect(try GuestPlan.networks(Self.options([])).map(\.mode) == [.user])
    #expect(try GuestPlan.networks(Self.options(["--nodefaults"])).isEmpty)
    #expect(try GuestPlan.networks(Self.options(["-n", "mode=none"])).isEmpty)
    #expect(
      try GuestPlan.networks(Self.options(["-n", "mode=user,mq=2,script=none"])).map(\.mode) == [.user])
    let two = try GuestPlan.networks(Self.options(["-n", "mode=user", "-n", "mode=tap,tapif=tap9"]))
    #expect(two.map(\.mode) == [.user, .tap])
  }

  @Test func `a kernel parameter gives the guest's init the address that lkvm knows`() throws {
    let networks = try GuestPlan.networks(
      Self.options(["-n", "mode=user,guest_ip=10.1.2.9,host_ip=10.1.2.1"]))
    let ours = KernelParameters.Root.share(tag: "t", initProgram: "/virt/init")
    #expect(
      GuestPlan.networkParameter(networks.first, root: ours) == "lkvm.net=10.1.2.9/24,10.1.2.1,10.1.2.3")
    #expect(GuestPlan.networkParameter(nil, root: ours) == nil)
    #expect(GuestPlan.networkParameter(networks.first, root: .none) == nil)
  }

  @Test(
    arguments: [
      (
        "mode=tap", "lkvm.net=192.168.33.15/24,192.168.33.1",
        "ip=192.168.33.15::192.168.33.1:255.255.255.0:::off"
      ),
      (
        "mode=tap,host_ip=10.7.0.1/16,guest_ip=10.7.3.4", "lkvm.net=10.7.3.4/16,10.7.0.1",
        "ip=10.7.3.4::10.7.0.1:255.255.0.0:::off"
      ),
      (
        "mode=tap,tapif=tap3,guest_ip=10.7.3.4", "lkvm.net=10.7.3.4/24", "ip=10.7.3.4:::255.255.255.0:::off"
      ),
      ("mode=tap,tapif=tap3", nil, nil), ("mode=none,guest_ip=10.7.3.4", nil, nil),
      ("mode=user", "lkvm.net=192.168.33.15/24,192.168.33.1,192.168.33.3", "ip=dhcp"),
    ] as [(String, String?, String?)])
  func `lkvm's init and a disk's system get the addresses as parameters of their own`(
    network: String, ours: String?, others: String?
  ) throws {
    let card = try #require(try Self.options(["-n", network]).devices.network.first)
    #expect(
      GuestPlan.networkParameter(card, root: .share(tag: "t", initProgram: "/virt/init")) == ours)
    #expect(GuestPlan.networkParameter(card, root: .firstDisk) == others)
    #expect(GuestPlan.networkParameter(card, root: .share(tag: "t", initProgram: nil)) == others)
  }
}
