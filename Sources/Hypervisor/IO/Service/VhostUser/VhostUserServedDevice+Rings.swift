import CLinux
import HostSystem
import SystemPackage
import VextProtocol

/// The start and the stop of rings.
extension VhostUserServedDevice {
  /// Takes an eventfd over.
  mutating func setEvent(
    _ request: VhostUserRequest, _ index: Int, _ box: OwnedDescriptorBox
  ) throws(VhostUserError) {
    switch request {
    case .setVringKick:
      stop(index)
      rings[index].kick = box.take()
      rings[index].isStarted = true
      try start(index)
    case .setVringCall:
      rings[index].call = box.take()
      guard let running = rings[index].running else { return }
      running.port.setCall(try event(rings[index].call, request, server: place(index)))
    default:
      rings[index].errorEvent = box.take()
      guard let running = rings[index].running else { return }
      running.port.setErrorEvent(try event(rings[index].errorEvent, request, server: place(index)))
    }
  }

  /// Which server serves a ring: front ends start at different ones.
  private func place(_ index: Int) -> Int {
    Int((session.number &+ UInt64(index)) % UInt64(session.service.servers.count))
  }

  /// A copy of an eventfd for the I/O thread, checked.
  private func event(
    _ descriptor: borrowing OwnedDescriptor?, _ request: VhostUserRequest, server: Int
  ) throws(VhostUserError) -> ForeignEventDescriptor? {
    switch descriptor {
    case .none: return nil
    case .some(let descriptor):
      do throws(Errno) {
        let copy = linux_duplicate(descriptor.rawValue)
        guard copy >= 0 else { throw Errno(rawValue: -copy) }
        return try ForeignEventDescriptor(
          checking: OwnedDescriptor(adopting: copy), by: session.service.signallers[server])
      } catch { throw .badValue(request: request.rawValue, UInt64(bitPattern: Int64(error.rawValue))) }
    }
  }

  /// Serves a ring, if the front end has said all that is needed and wants it.
  mutating func start(_ index: Int) throws(VhostUserError) {
    let isEnabled = rings[index].isEnabled || !features.contains(.vhostUserProtocol)
    guard rings[index].running == nil, rings[index].isStarted, isEnabled, let memory else { return }
    let request = VhostUserRequest.setVringAddress.rawValue
    guard let addresses = rings[index].addresses,
      let descriptors = memory.guestAddress(of: addresses.descriptorTable),
      let available = memory.guestAddress(of: addresses.availableRing),
      let used = memory.guestAddress(of: addresses.usedRing)
    else { throw .badValue(request: request, UInt64(index)) }
    let layout = VirtqueueLayout(
      size: rings[index].size, descriptorTable: descriptors, availableRing: available, usedRing: used)
    var ring: Virtqueue
    do throws(VirtqueueError) {
      ring = try Virtqueue(layout, features: features, memory: memory.memory)
    } catch { throw .memory("queue \(index) was refused: \(error)") }
    let usedIndex = ring.storedUsedIndex
    let notes = inflight?.queue(index, size: layout.size)
    let remains = notes?.recover(usedIndex: usedIndex) ?? []
    // A predecessor took the requests that it noted, and answered those before.
    let base = notes == nil ? rings[index].base : usedIndex &+ UInt16(truncatingIfNeeded: remains.count)
    ring.resume(available: base, used: usedIndex)
    let place = place(index)
    let port = ForeignVirtqueuePort(
      index: index, kick: try event(rings[index].kick, .setVringKick, server: place),
      call: try event(rings[index].call, .setVringCall, server: place),
      errorEvent: try event(rings[index].errorEvent, .setVringError, server: place),
      signaller: session.service.signallers[place], log: session.log)
    let queue = VirtioBlockDeviceQueue(
      ring, port: port, disk: disk.image, cache: cache, activity: session.activities.activity(ofQueue: index),
      memory: memory.memory, chainLimit: VirtioBlock.queueDepthLimit, share: disk.share, inflight: notes,
      remains: remains)
    let server = session.service.servers[place]
    do throws(Errno) { try server.attach(queue) } catch { throw .failed(error) }
    rings[index].running = VhostUserRing.Running(queue: queue, port: port, server: server)
    session.note(queue, at: index)
  }

  /// Stops a ring; returns when its requests have ended.
  mutating func stop(_ index: Int) {
    guard let running = rings[index].running else { return }
    session.note(nil, at: index)
    running.server.detach(running.queue)
    rings[index].base = running.queue.availableIndex
    rings[index].running = nil
  }

  /// Stops all rings, as a reset does.
  mutating func stopAll() {
    for index in rings.indices {
      stop(index)
      rings[index].isStarted = false
      rings[index].isEnabled = false
    }
  }

  /// Stops the rings that are served, to change what they depend on; returns their numbers.
  mutating func suspend() throws(VhostUserError) -> [Int] {
    let served = rings.indices.filter { rings[$0].running != nil }
    for index in served { stop(index) }
    return served
  }

  /// Serves the rings again that ``suspend()`` stopped.
  mutating func resume(_ served: [Int]) throws(VhostUserError) {
    for index in served { try start(index) }
  }
}
