import Foundation
import Testing

@testable import Bench

struct StorageDescriptionTests {
  private let tree: RecordedTree

  init() throws {
    tree = try RecordedTree("server-nvme", extension: "tree", folder: "Hosts")
  }

  private func storage(_ path: String, _ number: String, isBlockDevice: Bool = false) -> StorageDescription {
    StorageDescription(path: path, deviceNumber: number, isBlockDevice: isBlockDevice, root: tree.root)
  }

  @Test("an image on a partition is described by its mount, its disk's queue and its node")
  func partition() throws {
    let storage = storage("/mnt/data/images/a.img", "259:1")
    #expect(
      storage.fileSystem
        == MountDescription(
          type: "ext4", source: "/dev/nvme0n1p1", mountPoint: "/mnt/data", options: "rw,noatime",
          superOptions: "rw,discard"))
    #expect(storage.node == 1)
    let device = try #require(storage.device)
    #expect(device.name == "nvme0n1")
    #expect(device.partition == "nvme0n1p1")
    #expect(device.model == "SAMSUNG MZQL21T9HCJR-00A07")
    #expect(device.byteCount == 2048 * 512)
    #expect(device.scheduler == "mq-deadline")
    #expect(device.queue?["write_cache"] == "write through")
    #expect(device.queue?["rq_affinity"] == "1")
    #expect(device.queue?["zoned"] == nil)
  }

  @Test("a whole disk with a partition table has no file system")
  func wholeDisk() {
    let storage = storage("/dev/nvme0n1", "259:0", isBlockDevice: true)
    #expect(storage.fileSystem == nil)
    #expect(storage.device?.name == "nvme0n1")
    #expect(storage.device?.partition == nil)
  }

  @Test("a volume names the disks that it is made of, also where the file system hides its device's number")
  func volume() {
    let storage = storage("/mnt/data/btrfs/a.img", "0:50")
    #expect(storage.fileSystem?.type == "btrfs")
    #expect(storage.device?.name == "dm-0")
    #expect(storage.device?.disks.map(\.name) == ["nvme0n1"])
    #expect(storage.device?.disks.map(\.scheduler) == ["mq-deadline"])
  }

  @Test("a loop device names its file")
  func loop() {
    #expect(storage("/dev/loop0", "7:0", isBlockDevice: true).device?.backingFile == "/var/disk.img")
  }

  @Test(
    "the mount of a path is the longest beginning of it, and of two on one place the later",
    arguments: [
      ("/a.img", "xfs"), ("/mnt/data2/a.img", "xfs"), ("/mnt/data", "ext4"), ("/mnt/data two/a", "tmpfs"),
      ("/mnt/hidden/a", "overlay"),
    ])
  func mounts(path: String, type: String) {
    #expect(storage(path, "0:99").fileSystem?.type == type)
    #expect(type == "ext4" || type == "xfs" || storage(path, "0:99").device == nil)
  }

  @Test(
    "lines of the mount table that are cut off are passed over",
    arguments: ["", "27 1 254:0 / / rw", "27 1 254:0 / / rw - ext4"])
  func malformedMounts(line: String) {
    #expect(MountDescription(of: "/a", mounts: [line]) == nil)
  }

  @Test("a folder of this host is described, also one that does not exist yet, and nothing is left in it")
  func runningHost() throws {
    let folder = try TemporaryFolder()
    let storage = try #require(StorageDescription.capture(path: folder.file("no/such/folder")))
    #expect(storage.path == URL(filePath: folder.path).resolvingSymlinksInPath().path)
    #expect(storage.fileSystem != nil)
    #expect(try #require(storage.fileSystem?.byteCount) > 0)
    #expect(try folder.entries == [])
  }

  @Test("proc, where O_DIRECT has no meaning, does not accept it")
  func refusal() throws {
    let storage = try #require(StorageDescription.capture(path: "/proc/cpuinfo"))
    #expect(storage.fileSystem?.type == "proc")
    #expect(storage.acceptsDirectIO == false)
  }
}
