import Foundation
import Testing

@testable import Bench

struct GuestChoiceTests {
  @Test(
    arguments: [(.vmx, .linux), (.svm, .linux), (.pvm, .micro), (.tcg, .micro), (.none, .micro)]
      as [(KVMBackend, GuestKind)])
  func `auto takes Linux where the KVM runs it natively`(backend: KVMBackend, kind: GuestKind) {
    let decision = GuestChoice.auto.decision(backend: backend, missing: nil)
    #expect(decision.kind == kind)
    #expect(decision.reason.hasPrefix("auto: "))
    #expect(backend == .none || decision.reason.contains(backend.rawValue))
  }

  @Test func `auto takes the micro guest where something is missing, and names it`() {
    let decision = GuestChoice.auto.decision(backend: .svm, missing: "fio is not installed")
    #expect(decision.kind == .micro)
    #expect(decision.reason.contains("fio is not installed"))
  }

  @Test func `the newest of the kernels that have modules comes first`() throws {
    let folder = try TemporaryFolder()
    for release in ["6.1.0-9-amd64", "6.1.0-10-amd64", "5.10.0-30-amd64"] {
      try FileManager.default.createDirectory(
        atPath: folder.file(release), withIntermediateDirectories: false)
    }
    #expect(
      LinuxRequirements.installedReleases(modules: folder.path) == [
        "6.1.0-10-amd64", "6.1.0-9-amd64", "5.10.0-30-amd64",
      ])
    #expect(LinuxRequirements.installedReleases(modules: folder.file("none")) == [])
  }

  @Test func `a guest that is named is chosen`() {
    #expect(GuestChoice.linux.decision(backend: .pvm, missing: "all").kind == .linux)
    #expect(GuestChoice.micro.decision(backend: .svm, missing: nil).kind == .micro)
  }

  @Test func `a kernel without a release has no block driver`() {
    #expect(LinuxRequirements.blockDriver(forKernel: "/dev/null") == nil)
  }

  @Test func `only some file systems exist over a path`() {
    let valid = DataPathMode.allCases.flatMap { mode in
      GuestFileSystem.allCases.filter { $0.works(over: mode) }.map { DataPath(mode, $0).name }
    }
    #expect(
      valid == [
        "virtio-blk", "virtio-blk/ext4", "virtio-blk/xfs", "virtio-blk/fuse-on-virtio",
        "virtio-blk/fuse2fs-on-virtio", "virtio-blk-poll", "virtio-blk-poll/ext4", "virtio-blk-poll/xfs",
        "virtio-blk-poll/fuse-on-virtio", "virtio-blk-poll/fuse2fs-on-virtio", "virtio-blk-tuned",
        "virtio-blk-tuned/ext4", "virtio-blk-tuned/xfs", "virtio-blk-tuned/fuse-on-virtio",
        "virtio-blk-tuned/fuse2fs-on-virtio", "vext", "vext/ext4", "vext/xfs", "vext/fuse-vext",
        "vext-adaptive", "vext-adaptive/ext4", "vext-adaptive/xfs", "vext-adaptive/fuse-vext",
        "virtio-9p/9p-none", "virtio-9p/9p-loose", "virtio-fs/virtiofs-none", "virtio-fs/virtiofs-auto",
        "virtio-fs/virtiofs-always", "host/ext4", "host/fuse-on-image",
      ])
  }

  @Test func `each path of the matrix has a mark of its own in figures`() {
    let paths = DataPathMode.allCases.flatMap { mode in
      GuestFileSystem.allCases.filter { $0.works(over: mode) && $0 != .none }.map { DataPath(mode, $0) }
    }
    let marks = paths.map { path -> String in
      let series = FigureSeries(path)
      return "\(series.colour) \(series.dashType) \(series.pointType)"
    }
    #expect(Set(marks).count == marks.count, "\(zip(paths.map(\.name), marks).map { "\($0) \($1)" })")
  }

  @Test(arguments: VirtioFSServer.Program.allCases)
  func `virtiofsd gets the folder, the socket and the cache in its own words`(program: VirtioFSServer.Program)
  {
    func words(_ cache: String, isDirect: Bool) -> [String] {
      program.arguments(folder: "/f", socket: "/s", cache: cache, isDirect: isDirect)
    }
    #expect(words("none", isDirect: false).first == "--socket-path=/s")
    let expected: (folder: String, none: String, always: String, direct: String) =
      program == .rust
      ? ("--shared-dir=/f", "--cache=never", "--cache=always", "--allow-direct-io")
      : ("source=/f", "cache=none", "cache=always", "allow_direct_io")
    #expect(words("none", isDirect: true).contains(expected.folder))
    #expect(words("none", isDirect: true).contains(expected.none))
    #expect(words("none", isDirect: true).last == expected.direct)
    #expect(words("always", isDirect: false).contains(expected.always))
    #expect(!words("always", isDirect: false).contains(expected.direct))
  }

  @Test func `the CPU time of a process is that of all its threads`() throws {
    let folder = try TemporaryFolder()
    let process = folder.file("proc/7")
    try FileManager.default.createDirectory(atPath: process, withIntermediateDirectories: true)
    let stat = "7 (a name) of) S 1 7 7 0 -1 4194560 100 0 0 0 12 34 0 0 20 0 3 0\n"
    try Data(stat.utf8).write(to: URL(filePath: "\(process)/stat"))
    let files = KernelFiles(root: folder.path)
    #expect(ProcessThread.cpuNanoseconds(ofProcess: 7, in: files) == 460_000_000)
    #expect(ProcessThread.cpuNanoseconds(ofProcess: 8, in: files) == nil)
    #expect(ProcessThread.cpuNanoseconds(ofProcess: ProcessInfo.processInfo.processIdentifier) != nil)
  }
}
