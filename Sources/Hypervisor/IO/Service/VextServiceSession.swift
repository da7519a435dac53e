import HostSystem
import Synchronization
import SystemPackage
import VextProtocol

/// One client of vextd, as its control thread serves it. The client is hostile.
final class VextServiceSession: ServiceSession {
  /// Carries the connection to the thread.
  final class SocketBox: Sendable {
    private let socket: Mutex<PacketSocket?>

    init(_ socket: consuming sending PacketSocket) { self.socket = Mutex(consume socket) }

    func take() -> PacketSocket? { socket.withLock { $0.take() } }
  }

  /// What the client has; the control thread's alone.
  private struct Resources {
    var isGreeted = false
    var disk: VextServiceDisk?
    var device: VextServedDisk?
    var table: VextQueueTable?
    var queues: [UInt16: (queue: VextDeviceQueue, server: any IOQueueServer)] = [:]
  }

  /// What a request led to.
  private enum Outcome {
    case reply(VextServiceReply)
    /// The last one.
    case close(VextServiceReply)
  }

  /// How long a client may take until it has shared its memory.
  private static let greetingNanoseconds: UInt64 = 10_000_000_000

  let number: UInt64
  let peer: SocketPeer
  private unowned let service: VextService
  private let log: VextLog
  let protocolNote = ""
  let activities: DiskActivities
  let publicState = Mutex(ServiceSessionState())

  init(number: UInt64, peer: SocketPeer, service: VextService) {
    self.number = number
    self.peer = peer
    self.service = service
    log = service.log(of: "client \(number)", peer)
    activities = DiskActivities(serverCount: service.servers.count)
  }

  /// Serves the client to its end; then nothing of it is left.
  func run(_ box: SocketBox) {
    guard let socket = box.take() else { return }
    publicState.withLock { $0.descriptor = socket.rawValue }
    var resources = Resources()
    let deadline = HostClock.monotonicNanoseconds() &+ Self.greetingNanoseconds
    do throws(Errno) {
      var isOpen = true
      // One that was ended before its descriptor was known.
      while isOpen, !publicState.withLock({ $0.isEnded }) {
        let readiness = try socket.wait(
          wakeDescriptor: service.stopDescriptor, deadline: resources.device == nil ? deadline : nil)
        guard readiness == .ready else { break }
        isOpen = try serveNext(socket, &resources)
      }
    } catch {
      log.warn("left: \(error)")
    }
    release(&resources)
    publicState.withLock { $0.descriptor = nil }
    // The connection ends last: its end tells the client that nothing touches its memory any more.
    _ = consume socket
  }

  /// Answers one message; false after the last.
  private func serveNext(_ socket: borrowing PacketSocket, _ resources: inout Resources) throws(Errno) -> Bool
  {
    var packet: ReceivedPacket
    do throws(Errno) { packet = try socket.receive(byteLimit: VextServiceRequest.byteLimit) } catch {
      guard error == .wouldBlock else { throw error }
      return true
    }
    if packet.bytes.isEmpty { return false }
    do throws(VextServiceViolation) {
      let (tag, request) = try VextServiceRequest.decode(packet.bytes)
      guard packet.descriptorCount == request.descriptorCount else { throw .badDescriptorCount }
      switch try answer(request, &packet, &resources) {
      case .reply(let reply):
        try send(reply, to: request, tag, socket)
        return true
      case .close(let reply):
        try send(reply, to: request, tag, socket)
        return false
      }
    } catch {
      log.warn("left, because it broke the protocol: \(error)")
      return false
    }
  }

  private func send(
    _ reply: VextServiceReply, to request: VextServiceRequest, _ tag: UInt32, _ socket: borrowing PacketSocket
  ) throws(VextServiceViolation) {
    do throws(Errno) { try socket.send(reply.encoded(type: request.type, tag: tag)) } catch {
      // One that is gone is seen by the next receive; one that does not read (EAGAIN) is not waited for.
      if error == .wouldBlock { throw .doesNotRead }
    }
  }

  private func answer(
    _ request: VextServiceRequest, _ packet: inout ReceivedPacket, _ resources: inout Resources
  ) throws(VextServiceViolation) -> Outcome {
    if case .hello = request {} else if !resources.isGreeted { throw .badOrder }
    switch request {
    case .hello:
      guard !resources.isGreeted else { throw .badOrder }
      resources.isGreeted = true
      return .reply(.hello(version: VextServiceRequest.version, features: service.offeredFeatures.rawValue))
    case .open(let name):
      guard resources.disk == nil else { throw .badOrder }
      return .reply(open(name, &resources))
    case .memory(let regions):
      guard resources.disk != nil, resources.device == nil else { throw .badOrder }
      return .reply(share(regions, &packet, &resources))
    case .enable(let index, let setup): return .reply(try enable(index, setup, false, &packet, &resources))
    case .resume(let index, let setup): return .reply(try enable(index, setup, true, &packet, &resources))
    case .disable(let index):
      guard resources.device != nil else { throw .badOrder }
      disable(index, &resources)
      return .reply(.done)
    case .statistics: return .reply(.statistics(statistics))
    case .close:
      disableAll(&resources)
      return .close(flush(resources))
    case .list: return .reply(service.isOwn(peer) ? .text(service.list()) : .failed(.permissionDenied))
    case .metrics:
      return .reply(service.isOwn(peer) ? .text(service.metrics()) : .failed(.permissionDenied))
    case .snapshot:
      return .reply(service.isOwn(peer) ? .text(service.snapshot().text) : .failed(.permissionDenied))
    case .drain, .detach, .reload: return .reply(administer(request))
    }
  }

  /// Carries out drain, detach and reload, for root and the service's user.
  private func administer(_ request: VextServiceRequest) -> VextServiceReply {
    guard service.isOwn(peer) else { return .failed(.permissionDenied) }
    do throws(Errno) {
      switch request {
      case .drain(let disk): try service.drain(disk)
      // It would wait for itself.
      case .detach(let disk): if disk == diskName { throw .resourceBusy } else { try service.detach(disk) }
      default: return .text(try service.readConfiguration())
      }
      return .done
    } catch { return .failed(error) }
  }

  private func open(_ name: String, _ resources: inout Resources) -> VextServiceReply {
    do throws(Errno) {
      let disk = try service.openDisk(name, for: peer)
      resources.disk = disk
      publicState.withLock { $0.disk = disk }
      return .open(VextDiskGeometry(disk.image.handle))
    } catch {
      log.warn("may not open '\(name)': \(error)")
      return .failed(error)
    }
  }

  /// Maps what the client shares, which may be anything.
  private func share(
    _ regions: [GuestMemoryRegion], _ packet: inout ReceivedPacket, _ resources: inout Resources
  ) -> VextServiceReply {
    guard let disk = resources.disk, let first = packet.takeDescriptor(), let second = packet.takeDescriptor()
    else { return .failed(.invalidArgument) }
    do throws(SharedMemoryFile.Unfit) {
      let memoryFile = try SharedMemoryFile(checking: first)
      let tableFile = try SharedMemoryFile(checking: second)
      do throws(Errno) {
        let memory = try GuestMemory(file: memoryFile, regions: regions)
        resources.table = try VextQueueTable(tableFile)
        resources.device = VextServedDisk(
          memory: memory, image: disk.image, log: log, share: disk.share)
        return .done
      } catch {
        log.warn("its memory was refused: \(error)")
        return .failed(error)
      }
    } catch {
      log.warn("its memory was refused: \(error)")
      return .failed(.invalidArgument)
    }
  }

  /// Enables a queue, or continues one that another service had.
  private func enable(
    _ index: UInt16, _ setup: VextQueueSetup, _ continues: Bool, _ packet: inout ReceivedPacket,
    _ resources: inout Resources
  ) throws(VextServiceViolation) -> VextServiceReply {
    guard let device = resources.device, let table = resources.table else { throw .badOrder }
    guard service.offeredFeatures.isSuperset(of: setup.features) else { return .failed(.notSupported) }
    // The disk of that service was in its memory.
    if continues, service.engine == .memory, !device.disk.isReadOnly { return .failed(.notSupported) }
    guard resources.queues[index] == nil else {
      return .enable(VextQueueFault(error: .alreadyEnabled, detail: 0))
    }
    // Clients start at different threads.
    let place = Int(truncatingIfNeeded: (number &+ UInt64(index)) % UInt64(service.servers.count))
    let name = "queue \(index)"
    let record = table.record(of: index)
    let activity = activities.activity(ofQueue: Int(index))
    do throws(VextQueueFault) {
      let signals: VextSessionSignals
      do throws(Errno) {
        signals = try VextSessionSignals(setup.features, &packet, signaller: service.signallers[place])
      } catch {
        log.warn("\(name): its descriptors were refused: \(error)")
        return .failed(.invalidArgument)
      }
      let queue: VextDeviceQueue
      if continues {
        var engine = try service.finishingEngine()
        queue = try device.continueQueue(
          setup, name: name, activity: activity, record: record, engine: &engine
        ) { signals.wake(setup.features, $0, continues: true) }
      } else {
        queue = try device.makeQueue(
          setup, name: name, activity: activity, record: record
        ) { signals.wake(setup.features, $0, continues: false) }
      }
      do throws(Errno) { try service.servers[place].attach(queue) } catch {
        throw VextQueueFault(error: .outOfResources, detail: 0)
      }
      resources.queues[index] = (queue, service.servers[place])
      publicState.withLock { $0.queues[Int(index)] = queue }
      return .enable(.none)
    } catch {
      log.warn("\(name): not enabled: \(error.error)")
      return .enable(error)
    }
  }

  /// Returns when the queue's requests have ended.
  private func disable(_ index: UInt16, _ resources: inout Resources) {
    guard let (queue, server) = resources.queues.removeValue(forKey: index) else { return }
    publicState.withLock { $0.queues[Int(index)] = nil }
    server.detach(queue)
  }

  private func disableAll(_ resources: inout Resources) {
    for index in Array(resources.queues.keys) { disable(index, &resources) }
  }

  private func flush(_ resources: Resources) -> VextServiceReply {
    do throws(Errno) {
      try resources.disk?.image.flush()
      return .done
    } catch { return .failed(error) }
  }

  /// Gives everything back. The disk of a client that died is not flushed, as that of a VMM that died is not.
  private func release(_ resources: inout Resources) {
    disableAll(&resources)
    resources.device = nil
    resources.table = nil
    // Nothing of the disk is left here when the service learns that it is free: who detaches it may open it at once.
    let name = resources.disk?.name
    resources.disk = nil
    publicState.withLock { $0.disk = nil }
    if let name { service.closeDisk(name) }
  }
}
