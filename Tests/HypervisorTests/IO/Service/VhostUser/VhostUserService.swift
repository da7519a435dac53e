import Glibc
import HostSystem
import SystemPackage
import Testing

@testable import Hypervisor

/// A service with a disk "rw", a disk "ro" and one I/O thread, and the lines of its log.
final class VhostUserService {
  let disk: VirtioTemporaryDisk
  let service: VextService
  let logged = LogRecorder()
  private let thread: IOThread

  init(waiting: IOThread.Waiting = .adaptive, engine: BlockEngineKind = .sync) throws {
    let disk = VirtioTemporaryDisk(byteCount: VirtioBlockFixture.diskByteCount)
    let thread = try IOThread(name: "vextd-test", cpus: nil, waiting: waiting, engine: engine)
    let disks = try [("rw", false), ("ro", true)].map { name, isReadOnly in
      try #require(
        VextServiceDisk(
          name: name, image: try DiskImage(path: disk.path, readOnly: isReadOnly, direct: false),
          ownerID: geteuid()))
    }
    service = try VextService(
      disks: disks, servers: [thread], engine: engine, offersSleep: true, writer: logged.writer())
    self.disk = disk
    self.thread = thread
  }

  deinit {
    service.stop()
    thread.stop()
  }

  /// Waits until the service has `count` clients; tells whether it has.
  func waitForClients(_ count: Int) -> Bool { VhostUserFixture.eventually { service.clientCount == count } }
}
