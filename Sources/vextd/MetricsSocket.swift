import HostSystem
import Hypervisor
import Logging
import SystemPackage

/// A Unix socket at which HTTP clients read the service's metrics in Prometheus' text format 0.0.4. The clients are hostile.
final class MetricsSocket: Sendable {
  /// How long a client may take altogether.
  private static let clientNanoseconds: UInt64 = 2_000_000_000
  private static let requestByteLimit = 8192

  private let path: String
  private let listener: UnixSocket
  private let service: VextService
  private let stopEvent: EventDescriptor

  /// Makes the file, which the service's user alone may connect to, and serves it on a thread of its own.
  ///
  /// The thread ends with ``stop()``.
  init(path: String, service: VextService) throws {
    self.path = path
    self.service = service
    do throws(Errno) {
      stopEvent = try EventDescriptor()
      listener = try SocketFile.claim(
        path, connect: { () throws(Errno) in _ = try UnixSocket.connected(path: path) },
        listen: { () throws(Errno) in try UnixSocket.listening(path: path) })
    } catch {
      throw VextdFailure(description: "--metrics \(path): \(error)")
    }
    _ = try HostThread(name: "vextd-metrics", cpus: nil) { [self] in serve() }
  }

  /// Takes no more clients, and removes the file.
  func stop() {
    stopEvent.signal()
    do throws(Errno) { try UnixSocket.remove(path: path) } catch {
      // Somebody else has removed it: what was wanted is so.
      Logger(label: "vextd").debug("\(path): \(error)")
    }
  }

  private func serve() {
    do throws(Errno) {
      while try listener.wait(wakeDescriptor: stopEvent.rawValue) == .ready {
        do throws(Errno) { try answer(try listener.accept()) } catch {
          // A client that is gone, says too much or takes too long.
          Logger(label: "vextd").debug("\(path): \(error)")
          if error == .tooManyOpenFiles || error == .tooManyOpenFilesInSystem {
            HostClock.sleep(nanoseconds: 100_000_000)
          }
        }
      }
    } catch {
      Logger(label: "vextd").error("\(path): \(error); no more metrics are given")
    }
  }

  /// Reads the head of a request and answers it.
  private func answer(_ client: consuming UnixSocket) throws(Errno) {
    let deadline = HostClock.monotonicNanoseconds() &+ Self.clientNanoseconds
    var head: [UInt8] = []
    while !Self.isWhole(head) {
      guard head.count < Self.requestByteLimit else { throw .messageTooLong }
      guard try client.wait(deadline: deadline) == .ready else { throw .timedOut }
      let bytes = try client.receive(byteCount: 1024)
      if bytes.isEmpty { break }
      head += bytes
    }
    var rest = Array(Self.response(to: head, metrics: ServiceMetrics(service.snapshot()).text).utf8)[...]
    while !rest.isEmpty {
      guard try client.wait(forWriting: true, deadline: deadline) == .ready else { throw .timedOut }
      rest = rest.dropFirst(try client.send(rest))
    }
  }

  /// Whether the empty line that ends a head is there.
  private static func isWhole(_ head: [UInt8]) -> Bool {
    let text = String(decoding: head.suffix(4), as: UTF8.self)
    return text.hasSuffix("\r\n\r\n") || text.hasSuffix("\n\n")
  }

  /// The answer to a request whose first line asks for /metrics, or what is wrong with it.
  static func response(to head: [UInt8], metrics: @autoclosure () -> String) -> String {
    let words = head.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }.split(
      separator: UInt8(ascii: " ")
    )
    .map { String(decoding: $0, as: UTF8.self) }
    let (status, body): (String, String) =
      if words.count < 2 || words[0] != "GET" {
        ("405 Method Not Allowed", "GET /metrics is all there is\n")
      } else if words[1] != "/metrics" {
        ("404 Not Found", "GET /metrics is all there is\n")
      } else {
        ("200 OK", metrics())
      }
    return "HTTP/1.0 \(status)\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
      + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
  }
}
