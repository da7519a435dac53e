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
        "virtio-blk", "virtio-blk/ext4", "virtio-blk/fuse-on-virtio", "virtio-blk-poll",
        "virtio-blk-poll/ext4",
        "virtio-blk-poll/fuse-on-virtio", "virtio-blk-tuned", "virtio-blk-tuned/ext4",
        "virtio-blk-tuned/fuse-on-virtio", "vext", "vext/ext4", "vext/fuse-vext",
        "vext-adaptive", "vext-adaptive/ext4", "vext-adaptive/fuse-vext",
      ])
  }
}
