import Foundation
import Glibc
import HostSystem
import Hypervisor
import MicroGuest
import Testing

@testable import Bench

/// T2: micro guests whose disks vhost-user back ends serve.
@Suite(.serialized, .enabled(if: hasKVM, "/dev/kvm cannot be opened"))
struct VhostUserTests {
  @Test(.timeLimit(.minutes(20)))
  func `a guest writes and verifies through qemu-storage-daemon`() throws {
    let run = try GuestRun(
      "--no-direct --mode virtio-blk --rw randrw --verify --iodepth 8 --workers 2 --requests 2000 --warmup 20ms"
    )
    let daemon = try StorageDaemon(disk: run.disk.path, queueCount: 2)
    let booted = try ServiceGuests(run: run, mode: .virtioBlock, disks: [.vhostUser(path: daemon.socket)])
    defer { booted.shutDown() }
    try booted.finish(booted.guests)
    try ServiceGuests.expectVerified(booted.guests[0], requestCount: 2000)
  }

  @Test(.timeLimit(.minutes(20)))
  func `a guest writes and verifies through vextd's vhost-user`() throws {
    let run = try GuestRun(
      "--no-direct --mode virtio-blk --rw randrw --verify --iodepth 8 --workers 2 --requests 2000 --warmup 20ms"
    )
    let socket = "/tmp/vextd-t2-vhost-\(UUID().uuidString.prefix(8)).sock"
    let service = try ServiceProcess(
      disks: ["a=\(run.disk.path)"], options: ["--threads", "2", "--vhost-user", "a=\(socket)"])
    let booted = try ServiceGuests(run: run, mode: .virtioBlock, disks: [.vhostUser(path: socket)])
    try booted.finish(booted.guests)
    try ServiceGuests.expectVerified(booted.guests[0], requestCount: 2000)
    #expect(try service.ask(.list).contains("disk a, queues: 2, vhost-user"))
    booted.shutDown()
    #expect(try service.terminate() == 0)
  }

  @Test(.timeLimit(.minutes(20)))
  func `a vextd that is killed at random under load costs a vhost-user guest a pause and nothing else`()
    throws
  {
    let run = try GuestRun(
      "--no-direct --mode virtio-blk --rw randrw --verify --iodepth 16 --workers 2 --runtime 3s --warmup 20ms"
    )
    let socket = "/tmp/vextd-t2-vhost-\(UUID().uuidString.prefix(8)).sock"
    let service = try ServiceProcess(
      disks: ["a=\(run.disk.path)"], options: ["--threads", "2", "--vhost-user", "a=\(socket)"])
    let booted = try ServiceGuests(run: run, mode: .virtioBlock, disks: [.vhostUser(path: socket)])
    defer { booted.shutDown() }
    let guest = booted.guests[0]
    try booted.wait(for: guest, .ready)
    try guest.command(.measure)
    for _ in 0..<4 {
      usleep(UInt32.random(in: 100_000...500_000))
      try service.kill()
      try service.start()
    }
    try booted.wait(for: guest, .measured)
    try guest.command(.finish)
    try booted.wait(for: guest, .finished)
    try ServiceGuests.expectVerified(guest)
  }

  @Test(.timeLimit(.minutes(20)))
  func `a guest of QEMU's writes and verifies through vextd's vhost-user`() throws {
    let folder = URL(filePath: "/tmp/vext-t2-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (program, socket) = (folder.appending(path: "qemu"), folder.appending(path: "s").path)
    // QEMU's own disk becomes vextd's, with the same queues in the same slot.
    let script = """
      #!/bin/sh
      for word do
        shift
        case $word in
          virtio-blk-pci,*) set -- "$@" "vhost-user-blk-pci,chardev=vhost,${word#*iothread=io0,}" ;;
          *) set -- "$@" "$word" ;;
        esac
      done
      exec \(QEMUCommand.program) "$@" -chardev socket,id=vhost,path=\(socket)
      """
    try Data(script.utf8).write(to: program)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
    let run = try GuestRun(
      "--vmm qemu --mode virtio-blk --workers 2 --rw randrw --bs 16k --iodepth 4 --verify --warmup 10ms --runtime 200ms "
        + "--size 4m --vmm-path \(program.path)")
    // bench does not read this disk.
    let served = try TemporaryDisk(byteCount: 4 << 20)
    let before = try Data(contentsOf: URL(filePath: served.path))
    let service = try ServiceProcess(
      disks: ["a=\(served.path)"], options: ["--vhost-user", "a=\(socket)"])
    let measurement = try #require(try run.measure(.virtioBlock, in: .qemu).first)
    #expect(measurement.verifiedBlocks > 0)
    #expect(measurement.verifyErrors == 0)
    #expect(measurement.errors == 0)
    #expect(try service.terminate() == 0)
    #expect(try Data(contentsOf: URL(filePath: served.path)) != before)
  }

  @Test(.timeLimit(.minutes(20)), arguments: DataPathMode.servedByOthers, [BlockEngineKind.sync, .null])
  func `bench measures guests that a back end serves, and its CPU time`(
    mode: DataPathMode, engine: BlockEngineKind
  ) throws {
    // Guests that share a disk can only read.
    let isNull = engine == .null
    let run = try GuestRun(
      "--mode \(mode.rawValue) --engine \(engine.rawValue) --workers 2 --iodepth 4 --requests 400 --warmup 20ms "
        + (isNull ? "--guests 2 --rw randread" : "--no-direct --rw randrw --verify"))
    let results = try run.measure(mode)
    #expect(results.map(\.requests) == (isNull ? [800, 800] : [800]))
    #expect(results.allSatisfy { $0.errors == 0 && $0.verifyErrors == 0 })
    #expect(isNull || results[0].verifiedBlocks > 100)
    #expect(results[0].ioThreadCPUSeconds > 0)
    #expect(results[0].granted.ioThreadCPUs.count == 1)
  }

  @Test(.timeLimit(.minutes(20)), arguments: [BlockEngineKind.sync, .null])
  func `bench measures guests in processes of their own, which vextd serves`(engine: BlockEngineKind) throws {
    let isNull = engine == .null
    let run = try GuestRun(
      "--mode vext-service --guest-processes --engine \(engine.rawValue) --workers 2 --iodepth 4 --requests 400 --warmup 20ms "
        + (isNull ? "--guests 3 --busy-guests 2 --rw randread" : "--no-direct --rw randrw --verify"))
    let results = try run.measure(.vextService)
    #expect(results.map(\.requests) == (isNull ? [800, 800, 0] : [800]))
    #expect(results.allSatisfy { $0.errors == 0 && $0.verifyErrors == 0 })
    #expect(isNull || results[0].verifiedBlocks > 100)
    #expect(results[0].ioThreadCPUSeconds > 0 && results[0].vcpuCPUSeconds > 0)
    #expect(results[0].granted.ioThreadCPUs.count == 1 && results[0].granted.vcpuCPUs.count == 2)
    #expect(results[0].peer?.version == ProjectVersion.text)
    #expect(results[0].peer?.command.contains("guest-process") == true)
  }
}
