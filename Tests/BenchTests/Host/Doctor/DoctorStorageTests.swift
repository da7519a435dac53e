import Hypervisor
import Testing

@testable import Bench

/// Memory, disk and limits. A change of a sound host makes each check fire.
struct DoctorStorageTests {
  @Test("automatic NUMA balancing spoils results on a host with several nodes only")
  func numaBalancing() throws {
    var environment = try DoctorFixture.environment("two-nodes")
    environment.host.kernelSettings?.numaBalancing = 1
    #expect(environment.finding(.numaBalancing) == nil)
    environment.takeTwoNodes()
    #expect(environment.finding(.numaBalancing)?.severity == .spoils)
    environment.host.kernelSettings?.numaBalancing = 0
    #expect(environment.finding(.numaBalancing)?.severity == .ok)
  }

  @Test("a disk on another node than the threads spoils results; one whose node is unknown is noted")
  func storageNode() throws {
    var environment = try DoctorFixture.environment("two-nodes")
    environment.takeTwoNodes()
    #expect(environment.finding(.storageNode)?.severity == .ok)
    environment.configuration.numaNode = 1
    try environment.replan()
    let finding = try #require(environment.finding(.storageNode))
    #expect(finding.severity == .spoils)
    #expect(finding.remedy?.hasPrefix("--numa-node 0") == true)
    environment.host.storage?.node = nil
    #expect(environment.finding(.storageNode)?.severity == .note)
    environment.configuration.engine = .null
    #expect(environment.finding(.storageNode) == nil)
  }

  @Test(
    "transparent huge pages for all are noted, as they are chance",
    arguments: [("always", Finding.Severity.note), ("madvise", .ok), ("never", .ok)])
  func transparentHugePages(setting: String, severity: Finding.Severity) throws {
    var environment = try DoctorFixture.environment()
    environment.host.transparentHugePages = setting
    #expect(environment.finding(.transparentHugePages)?.severity == severity)
  }

  @Test(
    "a guest without huge pages for VextClient gets a note",
    arguments: [(0, Finding.Severity.note), (16, .ok)])
  func hugePages(free: Int, severity: Finding.Severity) throws {
    var environment = try DoctorFixture.environment()
    environment.host.processor?.isVirtual = true
    environment.host.hugePages = [
      HugePages(node: 0, pageBytes: 2 << 20, count: 20, freeCount: free),
      HugePages(node: 0, pageBytes: 1 << 30, count: 20, freeCount: 20),
    ]
    #expect(environment.finding(.hugePages)?.severity == severity)
  }

  @Test("pages that are merged, and swap that is in use, are noted")
  func memory() throws {
    var environment = try DoctorFixture.environment()
    environment.host.kernelSettings?.pageMerging = 1
    environment.host.kernelSettings?.usedSwapBytes = 3 << 20
    #expect(environment.finding(.pageMerging)?.severity == .note)
    let swap = try #require(environment.finding(.swap))
    #expect(swap.severity == .note)
    #expect(swap.found.hasPrefix("3 MiB"))
  }

  @Test(
    "memory and other people's file systems are no disk",
    arguments: [
      ("tmpfs", Finding.Severity.spoils), ("overlay", .spoils), ("nfs4", .spoils), ("fuse.sshfs", .spoils),
      ("btrfs", .note), ("ext4", .ok), ("xfs", .ok),
    ])
  func fileSystem(type: String, severity: Finding.Severity) throws {
    var environment = try DoctorFixture.environment()
    environment.host.storage?.fileSystem?.type = type
    #expect(environment.finding(.fileSystem)?.severity == severity)
  }

  @Test("a file system that refuses O_DIRECT spoils results, unless the page cache is asked for")
  func directIO() throws {
    var environment = try DoctorFixture.environment()
    environment.host.storage?.acceptsDirectIO = false
    #expect(environment.finding(.directIO)?.severity == .spoils)
    environment.configuration.usesDirectIO = false
    #expect(environment.finding(.directIO) == nil)
  }

  @Test(
    "a file system without room spoils results",
    arguments: [(UInt64(50), Finding.Severity.ok), (10, .note), (4, .spoils)])
  func space(gibibytes: UInt64, severity: Finding.Severity) throws {
    var environment = try DoctorFixture.environment()
    environment.host.storage?.fileSystem?.availableByteCount = gibibytes << 30
    #expect(environment.finding(.diskSpace)?.severity == severity)
  }

  @Test(
    "an I/O scheduler spoils the results of NVMe, and is noted for other disks",
    arguments: [
      ("nvme0n1", "mq-deadline", Finding.Severity.spoils), ("sda", "bfq", .note), ("vda", "none", .ok),
    ])
  func scheduler(name: String, scheduler: String, severity: Finding.Severity) throws {
    var environment = try DoctorFixture.environment()
    environment.host.storage?.device?.name = name
    environment.host.storage?.device?.scheduler = scheduler
    let finding = try #require(environment.finding(.scheduler))
    #expect(finding.severity == severity)
    #expect(severity == .ok || finding.remedy == "echo none > /sys/block/\(name)/queue/scheduler")
  }

  @Test("the scheduler that counts is that of the disks which a volume is made of")
  func volume() throws {
    var environment = try DoctorFixture.environment()
    environment.host.storage?.device = BlockDeviceDescription(
      name: "dm-0", parts: [BlockDeviceDescription(name: "nvme1n1", scheduler: "kyber")])
    #expect(environment.finding(.scheduler)?.remedy == "echo none > /sys/block/nvme1n1/queue/scheduler")
    #expect(environment.finding(.device)?.severity == .note)
  }

  @Test("loop devices spoil results, rotating disks are noted, and virtual ones that only say so are not")
  func device() throws {
    var environment = try DoctorFixture.environment()
    environment.host.storage?.device = BlockDeviceDescription(name: "loop0", backingFile: "/disk.img")
    #expect(environment.finding(.device)?.severity == .spoils)
    environment.host.storage?.device = BlockDeviceDescription(name: "sda", queue: ["rotational": "1"])
    #expect(environment.finding(.device)?.severity == .note)
    environment.host.storage?.device?.name = "vda"
    #expect(environment.finding(.device)?.severity == .ok)
  }

  @Test("the null engine needs no disk, and none is judged")
  func noDisk() throws {
    var environment = try DoctorFixture.environment()
    environment.configuration.engine = .null
    for check in [DoctorCheck.fileSystem, .directIO, .diskSpace, .scheduler, .device, .aioLimit] {
      #expect(environment.finding(check) == nil)
    }
  }

  @Test(
    "too few requests of libaio for the I/O threads spoil the run",
    arguments: [
      (1, UInt64(61_440), Finding.Severity.ok), (2, 61_440, .spoils), (1, 65_536, .spoils),
      (1, 70_000, .spoils),
    ])
  func aioLimit(ioThreads: Int, reserved: UInt64, severity: Finding.Severity) throws {
    var environment = try DoctorFixture.environment()
    environment.configuration.ioThreadCount = ioThreads
    environment.host.kernelSettings?.aioLimit = 65_536
    environment.host.kernelSettings?.aioReserved = reserved
    let finding = try #require(environment.finding(.aioLimit))
    #expect(finding.severity == severity)
    #expect(severity == .ok || finding.remedy == "sysctl fs.aio-max-nr=1048576")
  }

  @Test(
    "a forbidden io_uring spoils the runs that need it, and is noted for others",
    arguments: [
      (0, false, Finding.Severity.ok, Finding.Severity.ok), (1, true, .ok, .ok), (1, false, .note, .spoils),
      (2, true, .note, .spoils),
    ])
  func ioUring(
    disabled: Int, isAdministrator: Bool, without: Finding.Severity, with: Finding.Severity
  ) throws {
    var environment = try DoctorFixture.environment()
    environment.host.kernelSettings?.ioUringDisabled = disabled
    environment.rights.isAdministrator = isAdministrator
    #expect(environment.finding(.ioUring)?.severity == without)
    environment.configuration.engine = .ioUring
    #expect(environment.finding(.ioUring)?.severity == with)
  }

  @Test("a filter of system calls is noted, as it may forbid io_uring")
  func filter() throws {
    var environment = try DoctorFixture.environment()
    environment.rights.isFiltered = true
    #expect(environment.finding(.ioUring)?.severity == .note)
  }

  @Test("guests whose memory may not be locked are noted, and spoil runs over io_uring")
  func lockedMemory() throws {
    var environment = try DoctorFixture.environment()
    environment.rights.lockedMemoryLimit = 64 << 10
    #expect(environment.finding(.lockedMemory)?.severity == .note)
    environment.configuration.engine = .ioUring
    #expect(environment.finding(.lockedMemory)?.severity == .spoils)
    environment.rights.mayLockMemory = true
    #expect(environment.finding(.lockedMemory)?.severity == .ok)
  }
}
