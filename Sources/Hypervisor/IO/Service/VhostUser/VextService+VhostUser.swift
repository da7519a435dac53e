public import HostSystem
public import SystemPackage

/// Front ends of vhost-user: one listening socket for each disk.
extension VextService {
  /// Takes connections of vhost-user front ends for `disk` until ``stop()``.
  public func serveVhostUser(_ listener: borrowing DescriptorStream, disk: String) throws(Errno) {
    while try listener.wait(wakeDescriptor: stopDescriptor) == .ready {
      do throws(Errno) {
        addVhostUser(try listener.accept(), disk: disk)
      } catch {
        guard Self.isTemporary(error) else { throw error }
      }
    }
  }

  /// Serves the front end at the other end of `stream` on a thread of its own; closes the connection where there are too many.
  public func addVhostUser(_ stream: consuming sending DescriptorStream, disk: String) {
    let peer: SocketPeer
    do throws(Errno) { peer = try stream.peer() } catch {
      return log.warn("a connection without credentials was closed: \(error)")
    }
    let made = enlist(peer) { VhostUserSession(number: $0, peer: peer, disk: disk, service: self) }
    guard let session = made else {
      return warnOfTooMany(peer)
    }
    let box = VhostUserSession.SocketBox(stream)
    start(session) { session.run(box) }
  }
}
