import HostSystem
import Synchronization
import SystemPackage
import VextProtocol

/// One vhost-user front end of a disk of vextd's, as its control thread serves it. The front end is hostile.
final class VhostUserSession: ServiceSession {
  /// Carries the connection to the thread.
  final class SocketBox: Sendable {
    private let stream: Mutex<DescriptorStream?>

    init(_ stream: consuming sending DescriptorStream) { self.stream = Mutex(consume stream) }

    func take() -> DescriptorStream? { stream.withLock { $0.take() } }
  }

  let number: UInt64
  let peer: SocketPeer
  unowned let service: VextService
  let log: VextLog
  let protocolNote = ", vhost-user"
  let activities: DiskActivities
  private let wantedDisk: String
  let publicState = Mutex(ServiceSessionState())

  init(number: UInt64, peer: SocketPeer, disk: String, service: VextService) {
    self.number = number
    self.peer = peer
    self.service = service
    wantedDisk = disk
    log = service.log(of: "vhost-user client \(number) of disk \(disk)", peer)
    activities = DiskActivities(serverCount: service.servers.count)
  }

  /// Serves the front end to its end; then nothing of it is left.
  func run(_ box: SocketBox) {
    guard let stream = box.take() else { return }
    let socket = VhostUserSocket(stream)
    let disk: VextServiceDisk
    do throws(Errno) { disk = try service.openDisk(wantedDisk, for: peer) } catch {
      return log.warn("may not open the disk: \(error)")
    }
    publicState.withLock {
      $0.disk = disk
      $0.descriptor = socket.stream.rawValue
    }
    var device = VhostUserServedDevice(disk: disk, session: self)
    do throws(VhostUserError) {
      // One that was ended before its descriptor was known.
      while !publicState.withLock({ $0.isEnded }), try Self.wait(socket, service.stopDescriptor) {
        var received = try socket.receive()
        try device.serve(&received, socket)
      }
    } catch {
      if error != .closed { log.warn("left: \(error)") }
    }
    device.stopAll()
    _ = consume device
    publicState.withLock {
      $0.descriptor = nil
      $0.disk = nil
    }
    // The connection ends behind the last access to the front end's memory, and the disk is free behind that.
    let name = disk.name
    _ = consume socket
    service.closeDisk(name)
  }

  /// Waits for a message; false when the service stops.
  private static func wait(
    _ socket: borrowing VhostUserSocket, _ stopDescriptor: Int32
  ) throws(VhostUserError) -> Bool {
    do throws(Errno) {
      return try socket.stream.wait(wakeDescriptor: stopDescriptor) == .ready
    } catch { throw .failed(error) }
  }

  /// Notes which queue is served as ring `index`; nil: none.
  func note(_ queue: VirtioBlockDeviceQueue?, at index: Int) {
    publicState.withLock { $0.queues[index] = queue }
  }
}
