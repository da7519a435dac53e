import HostSystem

/// Commands of other threads: queues come, go, and move to another I/O thread.
extension IOThreadLoop {
  mutating func readCommands() {
    for command in mailbox.take() {
      switch command.message {
      case .attach(let queue):
        // A thread that is being stopped serves no new queue.
        if stopCommands.isEmpty { attach(queue) }
        command.markDone()
      case .register(let disk, let memory):
        engine.register(disk: disk, memory: memory)
        command.markDone()
      case .detach(let queue, elsewhere: _):
        detach(queue, command)
      case .move(let queue, to: let destination) where destination === mailbox:
        // The thread that had the queue has forwarded the command.
        if stopCommands.isEmpty { attach(queue) }
        command.markDone()
      case .move(let queue, to: let destination):
        startMoving(queue, to: destination, command)
      case .startMeasuring:
        busyTime.start()
        command.markDone()
      case .finishMeasuring(let measurement):
        let queues = attachedQueues.compactMap { $0 }
        measurement.set(
          busyTime.finish(), takenCounts: queues.map { (ObjectIdentifier($0), $0.takenCount) })
        command.markDone()
      case .stop:
        stopCommands.append(command)
        for case let queue? in attachedQueues where !departures.contains(where: { $0.queue === queue }) {
          stopPolling(queue)
          departures.append(IOQueueDeparture(queue: queue))
        }
      }
    }
    finishDepartures()
  }

  private mutating func attach(_ queue: any IOQueue) {
    let queueIndex = attachedQueues.firstIndex { $0 == nil } ?? attachedQueues.count
    if queueIndex == attachedQueues.count {
      attachedQueues.append(queue)
    } else {
      attachedQueues[queueIndex] = queue
    }
    engine.attach(queueIndex: queueIndex, disk: queue.disk, memory: queue.memory)
    let share = queue.share
    let machine = shares.attach(queueIndex, memory: ObjectIdentifier(queue.memory), weight: share.weight)
    queue.begin(token: UInt64(queueIndex) << 32, polling: waiting != .events)
    if let vext = queue as? VextDeviceQueue {
      vextQueues.insert(PolledVextQueue(vext, queueIndex: queueIndex, machine: machine))
      notifications.attach(queueIndex, hasListener: vext.raisesInterrupts)
    } else {
      otherQueues.append((queueIndex, queue, machine, share.throttle))
      notifications.attach(queueIndex, hasListener: true)
    }
    countSilentQueues()
    if waiting != .polling, let descriptor = queue.notificationDescriptor {
      // If the kernel's table of watched descriptors is full, the queue is served late: at each wake-up.
      try? poll.add(descriptor: descriptor, token: Token.queue + UInt64(queueIndex))
    }
  }

  private mutating func stopPolling(_ queue: any IOQueue) {
    vextQueues.remove(queue)
    otherQueues.removeAll { $0.queue === queue }
    countSilentQueues()
    if waiting != .polling, let descriptor = queue.notificationDescriptor {
      try? poll.remove(descriptor: descriptor)
    }
  }

  private mutating func countSilentQueues() {
    silentQueueCount = otherQueues.count { $0.queue.notificationDescriptor == nil }
    vextQueues.forEach { queue in if queue.notificationDescriptor == nil { silentQueueCount += 1 } }
  }

  private func isAttached(_ queue: any IOQueue) -> Bool { attachedQueues.contains { $0 === queue } }

  private mutating func detach(_ queue: any IOQueue, _ command: IOThreadCommand) {
    // If it was handed over before, the other thread got it before it gets this command.
    guard isAttached(queue) else { return refuse(command) }
    if let index = departures.firstIndex(where: { $0.queue === queue && $0.destination != nil }) {
      // It was about to move, and leaves instead.
      departures[index].command?.markDone()
      departures[index] = IOQueueDeparture(queue: queue, command: command)
      return
    }
    stopPolling(queue)
    departures.append(IOQueueDeparture(queue: queue, command: command))
  }

  private mutating func startMoving(
    _ queue: any IOQueue, to destination: IOThreadMailbox, _ command: IOThreadCommand
  ) {
    guard isAttached(queue), !departures.contains(where: { $0.queue === queue }) else {
      return command.markDone()
    }
    stopPolling(queue)
    departures.append(IOQueueDeparture(queue: queue, command: command, destination: destination))
  }

  /// Ends the service of queues that leave and have nothing in flight, and hands over those that move.
  mutating func finishDepartures() {
    // Before any is handed over: from then on another thread may use it.
    let finished = departures.filter { $0.queue.inFlight == 0 }
    guard !finished.isEmpty else { return }
    departures.removeAll { $0.queue.inFlight == 0 }
    for departure in finished {
      departure.queue.notifyDriver()
      departure.queue.confirmWake()
      for index in attachedQueues.indices where attachedQueues[index] === departure.queue {
        attachedQueues[index] = nil
        engine.detach(queueIndex: index)
        shares.detach(index)
      }
      departure.finish()
    }
  }

  /// Answers a command about a queue that the thread does not have, or any that came after the thread's last pass.
  func refuse(_ command: IOThreadCommand) {
    if case .detach(_, elsewhere: let elsewhere?) = command.message, elsewhere !== mailbox {
      elsewhere.forward(command)
    } else {
      command.markDone()
    }
  }
}

/// A queue from which an I/O thread takes no more requests, and which leaves the thread when those in flight have ended.
struct IOQueueDeparture {
  let queue: any IOQueue
  /// What waits for that.
  var command: IOThreadCommand?
  /// The thread that serves the queue from then on; nil: none.
  var destination: IOThreadMailbox?

  /// The queue has left.
  func finish() {
    if let destination, let command { destination.forward(command) } else { command?.markDone() }
  }
}
