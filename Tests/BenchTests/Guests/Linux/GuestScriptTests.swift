import Foundation
import Hypervisor
import Testing

@testable import Bench

struct GuestScriptTests {
  private static func script(
    _ fileSystem: GuestFileSystem, over mode: DataPathMode = .virtioBlock,
    idle: TimeSpan = .milliseconds(1500), startsCold: Bool = false
  ) -> String {
    let path = DataPath(
      fileSystem.works(over: mode) ? mode : DataPathMode.allCases.first(where: fileSystem.works) ?? mode,
      fileSystem)
    return GuestScript(
      path: path, fuseProgram: "/host/build/fuse-vext",
      driver: path.needsBlockDriver ? ["/host/build/vext.ko", "spin_us=5"] : [], workerCount: 2,
      idleSpan: idle, startsCold: startsCold
    ).text
  }

  @Test(arguments: GuestFileSystem.allCases, [DataPathMode.virtioBlock, .vext])
  func `bash can read the script`(fileSystem: GuestFileSystem, mode: DataPathMode) throws {
    let folder = try TemporaryFolder()
    try Data(Self.script(fileSystem, over: mode).utf8).write(to: URL(filePath: folder.file("script")))
    let run = try CommandRun(["bash", "-n", folder.file("script")])
    #expect(run.exitCode == 0, "\(run.output)")
  }

  @Test func `each file system is mounted its own way`() {
    #expect(!Self.script(.none).contains("umount"))
    #expect(Self.script(.ext4).contains("mount -t ext4 /dev/vda"))
    #expect(Self.script(.fuseVext).contains("'/host/build/fuse-vext' -f --device vext"))
    #expect(!Self.script(.fuseVext).contains("/dev/vda"))
    #expect(Self.script(.fuseOnVirtio).contains("--device /dev/vda"))
    #expect(Self.script(.xfs).contains("mount -t xfs /dev/vda"))
    #expect(Self.script(.fuse2fsOnVirtio).contains("fuse2fs -f /dev/vda \"$fs\""))
    #expect(Self.script(.ninePUncached).contains("msize=512000,cache=none data"))
    #expect(Self.script(.ninePLoose).contains("cache=loose data"))
    #expect(Self.script(.virtioFSAuto).contains("mount -t virtiofs data"))
    for folder in [GuestFileSystem.ninePLoose, .virtioFSAlways] {
      #expect(!Self.script(folder).contains("/dev/vda"))
    }
  }

  @Test func `a guest that begins cold empties its cache before it is ready`() throws {
    let script = Self.script(.ext4, startsCold: true)
    let drop = try #require(script.range(of: "echo 3 > /proc/sys/vm/drop_caches"))
    let ready = try #require(script.range(of: "$share/ready.$phase"))
    #expect(drop.upperBound < ready.lowerBound)
    #expect(!Self.script(.ext4).contains("drop_caches"))
  }

  @Test func `a file system on the shared queue gets the kernel's block driver`() {
    let script = Self.script(.ext4, over: .vext)
    #expect(script.contains("insmod '/host/build/vext.ko' 'spin_us=5' || fail"))
    #expect(script.contains("mount -t ext4 /dev/vext0"))
    #expect(!script.contains("/dev/vda"))
    #expect(Self.script(.none, over: .vext).contains("[[ -b /dev/vext0 ]]"))
    #expect(!Self.script(.ext4).contains("insmod") && !Self.script(.fuseVext).contains("insmod"))
  }

  @Test func `a guest whose fio polls gets a polled queue for each vCPU`() {
    #expect(BlockDriverParameters.words(.vext, .polledIOUring, 3).first == "poll_queues=3")
    #expect(BlockDriverParameters.words(.vextAdaptive, .polledIOUring, 3) == ["poll_queues=3"])
    #expect(BlockDriverParameters.words(.vextAdaptive, .libaio, 3) == [])
  }

  @Test func `fio runs once for each phase, and the guests wait for each other before it`() {
    let script = GuestScript(
      path: DataPath(.virtioBlock), fuseProgram: "", workerCount: 1, idleSpan: .milliseconds(0), phaseCount: 3
    ).text
    #expect(script.contains("phase < 3"))
    #expect(script.contains("$share/ready.$phase") && script.contains("$share/job.$phase.fio"))
    #expect(GuestScript.File.ready(2) == "ready.2" && GuestScript.File.go(2) == "go.2")
    #expect(GuestScript.File.job(2) == "job.2.fio" && GuestScript.File.output(2) == "fio.2.json")
  }

  @Test func `the guest's own exits are measured unless that takes no time`() {
    #expect(Self.script(.none).contains("note idle"))
    #expect(Self.script(.none).contains("note computing"))
    #expect(!Self.script(.none, idle: .milliseconds(0)).contains("note idle"))
  }

  @Test func `a command's exit code and output are kept`() throws {
    let run = try CommandRun(["bash", "-c", "echo out; echo err >&2; exit 3"])
    #expect(run.exitCode == 3)
    #expect(run.output == "out\nerr")
    #expect(try CommandRun(["bash", "-c", "kill -9 $$"]).exitCode == 137)
    #expect(throws: BenchFailure.self) { try CommandRun(["no-such-program-anywhere"]) }
  }
}

struct RunFolderTests {
  @Test func `each guest has a root of its own, and nobody but the owner enters the folder`() throws {
    let folder = try RunFolder(guestCount: 2)
    let attributes = try FileManager.default.attributesOfItem(atPath: folder.path)
    #expect(attributes[.posixPermissions] as? Int == 0o700)
    let roots = (0..<2).map { folder.root(guest: $0).path }
    #expect(roots[0] != roots[1])
    for root in roots {
      #expect(FileManager.default.isExecutableFile(atPath: root + "/virt/init"))
      #expect(root.hasPrefix(folder.path + "/"))
    }
    #expect(folder.share(guest: 0) != folder.share(guest: 1))
  }
}
