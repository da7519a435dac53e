import CLinux
import Glibc

/// What systemd and others learn of the service (sd_notify(3)): a datagram to the socket that NOTIFY_SOCKET names.
enum SystemdNotification {
  /// Sends lines such as `READY=1`; does nothing where nobody listens.
  static func send(_ lines: String) throws(VextdFailure) {
    guard let value = unsafe getenv("NOTIFY_SOCKET") else { return }
    let path = unsafe String(cString: value)
    let result = unsafe path.withCString { path in
      unsafe lines.withCString { unsafe linux_datagram_send(path, $0, strlen($0)) }
    }
    guard result == 0 else { throw VextdFailure(description: "NOTIFY_SOCKET \(path): error \(-result)") }
  }
}
