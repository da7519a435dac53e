import Glibc
import HostSystem
import Logging
public import SystemPackage
import Synchronization

/// Answers the commands of one machine, on its own thread ("NAME-control").
///
/// It serves one client at a time. Each client has a limited number of messages and a limited time for each. A slow or
/// hostile client can therefore delay other clients for that time, but never the machine.
public final class ControlServer: Sendable {
  /// Time limit for one message of a client, and for the silence between two messages.
  public static let messageTimeoutMilliseconds: UInt64 = 1000
  /// Maximum number of requests of a client, after which its connection ends and the next client has its turn.
  public static let requestLimit = 16

  private let wake: EventDescriptor
  private let thread: HostThread

  /// Starts the thread.
  ///
  /// - Throws: the kernel's error if the thread or the eventfd cannot be made.
  public init(_ listener: consuming ControlListener, handler: any ControlHandler) throws(Errno) {
    let wake = try EventDescriptor()
    let name = listener.name
    let loop = ControlLoop(listener, handler: handler, wakeDescriptor: wake.rawValue)
    thread = try HostThread(name: "\(name)-control", cpus: nil, kind: .control) { loop.run() }
    self.wake = wake
  }

  /// Ends the thread, closes connections and removes the socket. A second call has no effect.
  ///
  /// Any thread but the handler's.
  public func stop() {
    wake.signal()
    thread.join()
  }

  deinit { stop() }
}

/// The loop of the control thread.
private final class ControlLoop: Sendable {
  private let listener: Mutex<ControlListener?>
  private let handler: any ControlHandler
  private let wakeDescriptor: Int32
  private let logger = Logger(label: "control")
  private let spare = SpareDescriptor()

  init(_ listener: consuming sending ControlListener, handler: any ControlHandler, wakeDescriptor: Int32) {
    self.listener = Mutex(consume listener)
    self.handler = handler
    self.wakeDescriptor = wakeDescriptor
  }

  func run() {
    guard let listener = listener.withLock({ $0.take() }) else { return }
    spare.fill()
    do throws(Errno) {
      while try listener.socket.wait(wakeDescriptor: wakeDescriptor) == .ready { try serveNext(listener) }
    } catch {
      logger.error("\(listener.path): \(error); commands are not answered any more")
    }
  }

  private func serveNext(_ listener: borrowing ControlListener) throws(Errno) {
    let socket: UnixSocket
    do throws(Errno) {
      socket = try spare.spending { () throws(Errno) in try listener.socket.accept() }
    } catch {
      switch error {
      // The client has given up, or another part of the process uses all descriptors for now.
      case .wouldBlock, .connectionAbort, .interrupted: return
      case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory:
        HostClock.sleep(nanoseconds: ControlServer.messageTimeoutMilliseconds * 1_000_000)
        return
      default: throw error
      }
    }
    serve(ControlConnection(socket, wakeDescriptor: wakeDescriptor))
    spare.fill()
  }

  /// Serves one client until its limit, the end of its connection, or an error.
  private func serve(_ connection: borrowing ControlConnection) {
    do throws(ControlError) {
      for _ in 0..<ControlServer.requestLimit {
        let message: (first: UInt32, payload: [UInt8])
        do throws(ControlError) {
          message = try connection.receive(limit: ControlRequest.payloadLimit, deadline: Self.deadline())
        } catch {
          if case .tooLong = error {
            try connection.send(ControlReply.failed("\(error)").encoded, deadline: Self.deadline())
          }
          // Without a valid header, the start of the next message is unknown.
          throw error
        }
        let reply = answer(message.first, message.payload)
        try connection.send(reply.encoded, deadline: Self.deadline())
      }
    } catch {
      switch error {
      case .closed, .stopping: return
      default: logger.debug("a client was left: \(error)")
      }
    }
  }

  private static func deadline() -> UInt64 {
    HostClock.monotonicNanoseconds() + ControlServer.messageTimeoutMilliseconds * 1_000_000
  }

  private func answer(_ type: UInt32, _ payload: [UInt8]) -> ControlReply {
    let request: ControlRequest
    do throws(ControlError) { request = try ControlRequest(type: type, payload: payload) } catch {
      return .failed("\(error)")
    }
    switch request {
    case .balloon(let delta): return handler.changeBalloon(deltaMiB: Int(delta))
    case .debug(let debug): return self.debug(debug)
    case .statistics: return handler.statistics()
    case .pause: return handler.pause()
    case .resume: return handler.resume()
    case .stop: return handler.stop()
    case .powerButton: return handler.pressPowerButton()
    case .processID: return .ok(WireNumber.bytes(UInt32(bitPattern: getpid())))
    case .state: return .ok(WireNumber.bytes(handler.state.rawValue))
    }
  }

  /// Carries out the actions in order, up to the first failure.
  private func debug(_ debug: ControlDebug) -> ControlReply {
    var said: [UInt8] = []
    var steps: [() -> ControlReply] = []
    if let key = debug.sysrqKey { steps.append { [handler] in handler.sendSysrq(key) } }
    if let vcpu = debug.nmiVCPU { steps.append { [handler] in handler.injectNMI(vcpu: Int(vcpu)) } }
    if debug.dumps { steps.append { [handler] in handler.dump() } }
    for step in steps {
      switch step() {
      case .ok(let bytes): said += bytes
      case .failed(let reason): return .failed(reason)
      }
    }
    return .ok(said)
  }
}
