import SystemPackage
import Testing

@testable import Hypervisor

/// How devices of the host are opened, what is refused with which words, and what the devices may access.
@Suite struct VFIOContainerTests {
  private static let address = "0000:03:00.0"

  private static func host(
    _ functions: [FakeVFIOHost.Function] = [.init(address: address)], isViable: Bool = true,
    types: [Int] = [1, 3], errors: [UInt: Errno] = [:], openError: (path: String, errno: Errno)? = nil
  ) throws -> FakeVFIOHost {
    try FakeVFIOHost(
      functions, device: VFIOFixture.nvme(), isViable: isViable, types: types, errors: errors,
      openError: openError)
  }

  /// The message with which `host` refuses the device.
  private static func refusal(_ host: FakeVFIOHost, _ address: String = address) throws -> String {
    let error = #expect(throws: VFIOError.self) { try host.devices([address]) }
    return try #require(error).description
  }

  @Test(arguments: [
    ("0000:03:00.0", "0000:03:00.0"), ("3:0.7", "0000:03:00.7"), ("10000:e1:1F.2", "10000:e1:1f.2"),
    ("0:0:0.0", "0000:00:00.0"), ("FFFFFFFF:ff:1f.7", "ffffffff:ff:1f.7"),
  ])
  func `an address is one of lspci's, with or without its domain`(text: String, written: String) throws {
    #expect(try #require(HostPCIAddress(parsing: text)).description == written)
  }

  @Test(arguments: [
    "", "3", "03:00", "03:00.", "03:00.8", "03:20.0", "100:00.0", "0000:03:00.0.0", "0:0:0:0.0", ":03:00.0",
    "g:00.0", "-1:00.0", "+3:00.0", "03:00.0 ", "100000000:03:00.0", "03:٣.0", "../3:0.0",
  ])
  func `anything else is no address`(text: String) {
    #expect(HostPCIAddress(parsing: text) == nil)
  }

  @Test func `devices of one group share its file, and guest memory is where the guest has it`() throws {
    let host = try Self.host([.init(address: Self.address), .init(address: "0000:03:00.1")])
    let container = try host.devices([Self.address, "0000:03:00.1"])
    #expect(host.openedPaths == ["/dev/vfio/vfio", "/dev/vfio/5"])
    #expect(container.devices.count == 2 && container.groups.count == 1)
    // Below and above the hole for PCI.
    let memory = try GuestMemory(byteCount: GuestMemory.pciHoleStart + 0x2000)
    try container.map(memory)
    let low = memory.regions[0].host.rawValue
    let high = memory.regions[1].host.rawValue
    func words(_ host: UInt64, _ guest: UInt64, _ byteCount: UInt64) -> [UInt32] {
      [32, 3] + [host, guest, byteCount].flatMap { [UInt32($0 & 0xFFFF_FFFF), UInt32($0 >> 32)] }
    }
    #expect(
      host.mappings == [
        words(low, 0, GuestMemory.pciHoleStart), words(high, GuestMemory.highStart, 0x2000),
      ])
  }

  @Test func `a device is reset before its guest gets it`() throws {
    let device = VFIOFixture.nvme()
    _ = try FakeVFIOHost([.init(address: Self.address)], device: device).devices([Self.address])
    #expect(device.takeEvents() == [.reset])
  }

  @Test func `a device that is missing, has no IOMMU or another driver is refused with the way out`() throws {
    #expect(
      try Self.refusal(Self.host([]))
        == "0000:03:00.0: the host has no such PCI function; lspci -D lists them")
    let without = try Self.refusal(Self.host([.init(address: Self.address, group: nil)]))
    #expect(without.hasPrefix("0000:03:00.0 is in no IOMMU group; switch the IOMMU on"))
    #expect(without.contains("intel_iommu=on"))
    let other = try Self.refusal(Self.host([.init(address: Self.address, driver: "nvme")]))
    #expect(other.hasPrefix("0000:03:00.0 belongs to the host's driver nvme; give it to VFIO"))
    #expect(other.contains("driverctl set-override 0000:03:00.0 vfio-pci"))
    let none = try Self.refusal(Self.host([.init(address: Self.address, driver: nil)]))
    #expect(none.hasPrefix("0000:03:00.0 has no driver; give it to VFIO"))
    #expect(
      try Self.host([.init(address: Self.address, driver: "mlx5_vfio_pci")]).devices([Self.address]).devices
        .count == 1)
  }

  @Test func `a group with drivers of the host is refused by their functions' names`() throws {
    let host = try Self.host(
      [
        .init(address: Self.address), .init(address: "0000:03:00.1", driver: "snd_hda_intel"),
        .init(address: "0000:02:00.0", driver: "pcieport"), .init(address: "0000:03:00.2", driver: nil),
      ], isViable: false)
    #expect(
      try Self.refusal(host)
        == "IOMMU group 5 also has 0000:03:00.1 with drivers of the host; bind all devices of the group to vfio-pci"
    )
  }

  @Test func `a host without VFIO, and files that cannot be opened, are named`() throws {
    let missing = try Self.host(openError: ("/dev/vfio/vfio", .noSuchFileOrDirectory))
    #expect(
      try Self.refusal(missing) == "there is no /dev/vfio/vfio; load the host's module: modprobe vfio-pci")
    let denied = try Self.host(openError: ("/dev/vfio/5", .permissionDenied))
    #expect(
      try Self.refusal(denied).hasPrefix("cannot open /dev/vfio/5: Permission denied; run lkvm as root"))
    let busy = try Self.host(openError: ("/dev/vfio/5", .resourceBusy))
    #expect(try Self.refusal(busy).hasPrefix("/dev/vfio/5 is in use"))
  }

  @Test func `a host whose IOMMU is of another type, or does not remap interrupts, is refused`() throws {
    #expect(try Self.refusal(Self.host(types: [])).contains("IOMMU of type 1"))
    #expect(try Self.host(types: [1]).devices([Self.address]).devices.count == 1)
    let open = try Self.refusal(Self.host(errors: [VFIORequest.setIOMMU: .notPermitted]))
    #expect(open.contains("allow_unsafe_interrupts=1"))
    #expect(
      try Self.refusal(Self.host(errors: [VFIORequest.setIOMMU: .invalidArgument])).hasPrefix(
        "VFIO_SET_IOMMU: "))
  }

  @Test func `memory that cannot be pinned is refused with the limit to raise`() throws {
    let host = try Self.host(errors: [VFIORequest.mapMemory: .noMemory])
    let container = try host.devices([Self.address])
    let memory = try GuestMemory(byteCount: 64 << 20)
    let error = #expect(throws: VFIOError.self) { try container.map(memory) }
    #expect(
      error?.description.hasPrefix("cannot pin 64 MiB of guest memory; raise the limit of locked memory")
        == true)
  }
}
