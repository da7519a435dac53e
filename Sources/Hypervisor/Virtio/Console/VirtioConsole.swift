import HostSystem
import Synchronization
import SystemPackage

/// A virtio console with one port (virtio 1.2 §5.3): `console=hvc0`.
///
/// The driver's output goes to the endpoint; a chain waits while the endpoint has no room. The endpoint's input waits, up
/// to a limit, until the driver offers buffers. The device thread serves both queues.
public final class VirtioConsole: VirtioDevice, ConsoleDevice {
  private enum Queue {
    static let receive = 0
    static let transmit = 1
  }

  /// The device-specific configuration (§5.3.4).
  private enum Configuration {
    static let columns = 0
    static let rows = 2
    static let portCount = 4
    static let emergencyWrite: UInt64 = 8
    static let byteCount = 12
  }

  private struct State {
    var input: [UInt8] = []
    var endpointWaits = false
    var size: ConsoleSize
    var receiveService: VirtqueueService?
    var transmitService: VirtqueueService?
    var tellsSize = false
  }

  /// Maximum number of input bytes that wait for the driver.
  static let inputLimit = 4096
  /// The key that Linux's hvc driver treats as a break, because a virtio console has none: Ctrl-O, then the command's
  /// letter.
  static let sysRqEscape: UInt8 = 0x0F

  private static let chainLimitPerPass = 64

  private let memory: GuestMemory
  private let thread: DeviceThread
  private let endpoint: (any ConsoleEndpoint)?
  private let state: Mutex<State>

  /// Makes a console whose queues `thread` serves; without an endpoint there is no input, and output is discarded.
  public init(memory: GuestMemory, thread: DeviceThread, endpoint: (any ConsoleEndpoint)? = nil) {
    self.memory = memory
    self.thread = thread
    self.endpoint = endpoint
    state = Mutex(State(size: endpoint?.windowSize ?? ConsoleSize(columns: 0, rows: 0)))
    endpoint?.attach(self)
  }

  /// 3 (virtio 1.2 §5.3.1).
  public var deviceID: UInt16 { 3 }

  /// A communication controller of a type that PCI does not define.
  public var classCode: UInt32 { 0x07_80_00 }

  /// The window's size, if there is a window, and the emergency write.
  public var features: VirtioFeatures {
    let always: VirtioFeatures = [.version1, .indirectDescriptors, .eventIndex, .consoleEmergencyWrite]
    return always.union(endpoint?.windowSize == nil ? [] : .consoleSize)
  }

  /// The queues: receive, transmit.
  public var queueSizes: [UInt16] { [128, 128] }

  /// The window's size and the number of ports.
  public var configuration: [UInt8] {
    let size = state.withLock { $0.size }
    var bytes = [UInt8](repeating: 0, count: Configuration.byteCount)
    for index in 0..<2 {
      bytes[Configuration.columns + index] = UInt8(truncatingIfNeeded: size.columns >> (index * 8))
      bytes[Configuration.rows + index] = UInt8(truncatingIfNeeded: size.rows >> (index * 8))
    }
    bytes[Configuration.portCount] = 1
    return bytes
  }

  /// Handles the emergency write (§5.3.4): one character, before any queue is set up. It is lost if the endpoint has no
  /// room.
  public func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64) {
    guard offset == Configuration.emergencyWrite else { return }
    _ = endpoint?.write([UInt8(truncatingIfNeeded: value)])
  }

  /// Serves both queues.
  public func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures) {
    for binding in queues {
      let service: VirtqueueService
      if binding.index == Queue.transmit {
        let drain = ChainDrain()
        service = VirtqueueService(binding, memory: memory, thread: thread) { [weak self] queue in
          drain.serve(queue) { self?.send($0) ?? .skipsChain }
        }
      } else {
        service = VirtqueueService(binding, memory: memory, thread: thread) { [weak self] queue in
          self?.fill(queue)
        }
      }
      state.withLock { state in
        if binding.index == Queue.transmit {
          state.transmitService = service
        } else {
          state.receiveService = service
        }
        state.tellsSize = features.contains(.consoleSize)
      }
      service.startOrFail()
    }
  }

  /// Stops serving. Waiting input is kept for the next driver.
  public func deactivate() {
    let services = state.withLock { state in
      defer { (state.receiveService, state.transmitService) = (nil, nil) }
      return [state.receiveService, state.transmitService]
    }
    for service in services { service?.stop() }
  }

  /// Takes as many bytes as the buffer has room for, and fills the driver's buffers.
  public func receive(_ bytes: [UInt8]) -> Int {
    let (count, service) = state.withLock { state in
      let count = min(bytes.count, Self.inputLimit - state.input.count)
      state.input += bytes.prefix(count)
      if count < bytes.count { state.endpointWaits = true }
      return (count, state.receiveService)
    }
    service?.kick()
    return count
  }

  /// Continues to send output.
  public func endpointHasRoom() { state.withLock { $0.transmitService }?.kick() }

  /// Sends the character that Linux treats as a break, because a virtio console has no break.
  @discardableResult
  public func injectBreak() -> Bool { inject([Self.sysRqEscape]) }

  /// Sends Ctrl-O and `character`, which Linux treats as a magic SysRq on its console.
  @discardableResult
  public func sysRq(_ character: UInt8) -> Bool { inject([Self.sysRqEscape, character]) }

  /// Reports the new size to the driver.
  public func windowSizeChanged(_ size: ConsoleSize) {
    let service = state.withLock { state in
      state.size = size
      return state.tellsSize ? state.receiveService : nil
    }
    service?.configurationChanged()
  }

  private func inject(_ bytes: [UInt8]) -> Bool {
    let (fits, service) = state.withLock { state in
      let fits = bytes.count <= Self.inputLimit - state.input.count
      if fits { state.input += bytes }
      return (fits, state.receiveService)
    }
    service?.kick()
    return fits
  }

  private func send(_ bytes: [UInt8]) -> ChainDrain.Consumption {
    endpoint.map { .took($0.write(bytes)) } ?? .skipsChain
  }

  private func fill(_ queue: ServedVirtqueue) {
    // Bounded, because a hostile driver may offer buffers without room for ever.
    for _ in 0..<Self.chainLimitPerPass {
      let input = state.withLock { $0.input }
      guard !input.isEmpty, let chain = queue.next() else { break }
      let count = chain.write(input)
      queue.complete(chain, byteCount: count)
      state.withLock { $0.input.removeFirst(count) }
    }
    if !queue.wasEmptied, state.withLock({ !$0.input.isEmpty }) { queue.notifyAgain() }
    let hasRoom = state.withLock { state in
      guard state.endpointWaits, state.input.count <= Self.inputLimit / 2 else { return false }
      state.endpointWaits = false
      return true
    }
    if hasRoom { endpoint?.deviceHasRoom() }
  }
}

/// Feature bits of the console (virtio 1.2 §5.3.3).
extension VirtioFeatures {
  /// VIRTIO_CONSOLE_F_SIZE: the configuration has the size of the window.
  static let consoleSize = VirtioFeatures(rawValue: 1 << 0)
  /// VIRTIO_CONSOLE_F_EMERG_WRITE: a character can be written without a queue.
  static let consoleEmergencyWrite = VirtioFeatures(rawValue: 1 << 2)
}
