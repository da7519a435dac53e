import Synchronization

extension VirtioNet {
  /// Serves the first pair and the control queue; further pairs start on the driver's command (virtio 1.2 §5.1.6.5.5).
  public func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures) {
    // §5.1.2: without VIRTIO_NET_F_MQ the control queue comes behind the first pair, whatever the device has.
    let pairCount = features.contains(.netMultiqueue) ? ports.count : 1
    let agreement = VirtioNetPair.Agreement(features)
    let portEnded: @Sendable () -> Void = { [weak self] in self?.setLink(isUp: false) }
    let pairs = (0..<pairCount).map { index -> any VirtioNetQueues in
      guard frontEnds.isEmpty else {
        return VhostNetPair(
          queues, port: ports[index], agreement: agreement, features: features, frontEnd: frontEnds[index],
          portEnded: portEnded)
      }
      return VirtioNetPair(
        receive: queues.first { $0.index == index * 2 }, transmit: queues.first { $0.index == index * 2 + 1 },
        port: ports[index], agreement: agreement, counters: counters[index], memory: memory,
        thread: threads[index % threads.count], portEnded: portEnded)
    }
    let controlQueue = features.contains(.netControlQueue) ? queues.first { $0.index == pairCount * 2 } : nil
    let control = controlQueue.map { binding in
      VirtqueueService(binding, memory: memory, thread: threads[0]) { [weak self] in self?.control($0) }
    }
    state.withLock { state in
      state.pairs = pairs
      state.control = control
      state.channel = queues.first?.channel
    }
    pairs[0].start()
    do {
      try control?.start()
    } catch {
      // The kernel can watch no more descriptors, so that the device cannot work.
      setLink(isUp: false)
    }
  }

  /// Stops serving all queues.
  public func deactivate() {
    let (control, pairs) = state.withLock { state in
      defer { (state.control, state.pairs, state.channel) = (nil, [], nil) }
      return (state.control, state.pairs)
    }
    // First, because commands start and stop pairs.
    control?.stop()
    for pair in pairs { pair.stop() }
  }

  /// Carries out commands, up to the limit of a pass. On the first thread.
  private func control(_ queue: ServedVirtqueue) {
    for _ in 0..<VirtioNetPass.frameLimit {
      guard let chain = queue.next() else { return }
      let isDone = VirtioNetCommand(chain).map(perform) ?? false
      let status = isDone ? VirtioNetProtocol.Acknowledgement.ok : VirtioNetProtocol.Acknowledgement.error
      queue.complete(chain, byteCount: chain.write([status]))
    }
    queue.notifyAgain()
  }

  private func perform(_ command: VirtioNetCommand) -> Bool {
    switch command {
    case .setReceiveMode, .setFilter: return true
    case .setAddress(let address):
      guard address.isUnicast else { return false }
      state.withLock { $0.address = address }
      return true
    case .setPairs(let count):
      let pairs = state.withLock { $0.pairs }
      guard count >= 1, count <= pairs.count else { return false }
      for pair in pairs[count...] { pair.stop() }
      for pair in pairs[..<count] { pair.start() }
      return true
    }
  }
}
