import SystemPackage

/// Moves frames from a transmit queue to a port, straight from the guest's buffers.
struct VirtioNetTransmitter {
  /// A frame under way, in buffers that are valid until the next chain is taken.
  private struct Frame {
    /// Keeps the buffers.
    let chain: VirtioChain
    let vectors: IOVectors
  }

  private let port: FramePort
  private let headerByteCount: Int
  private let counters: VirtioNetCounters
  /// The frame for which the port had no room.
  private var waiting: Frame?

  init(port: FramePort, headerByteCount: Int, counters: VirtioNetCounters) {
    self.port = port
    self.headerByteCount = headerByteCount
    self.counters = counters
  }

  /// Sends frames, as far as the port takes them and the pass allows.
  mutating func pass(_ queue: ServedVirtqueue) -> VirtioNetPass {
    for _ in 0..<VirtioNetPass.frameLimit {
      if waiting == nil {
        guard let chain = queue.next() else { return .waitsForDriver }
        guard isAcceptable(chain) else {
          counters.sendDrops.count()
          queue.complete(chain)
          continue
        }
        waiting = Frame(chain: chain, vectors: payload(chain.readable))
      }
      guard let frame = waiting else { continue }
      let result = port.write(frame.vectors)
      if result == -Int(Errno.wouldBlock.rawValue) { return .waitsForPort }
      // EINVAL for an invalid virtio header, EIO for an interface that is down, EPIPE without a peer: the frame is lost,
      // as on an unplugged cable.
      if result < 0 { counters.sendDrops.count() } else { counters.sentFrames.count() }
      queue.complete(frame.chain)
      waiting = nil
    }
    return .hasMore
  }

  private func isAcceptable(_ chain: VirtioChain) -> Bool {
    let byteCount = chain.readableByteCount
    return byteCount >= headerByteCount + VirtioNetProtocol.minimumFrameByteCount
      && byteCount <= headerByteCount + VirtioNetProtocol.maximumFrameByteCount
  }

  /// The part of the frame for the port: all of it, or the part behind the header.
  private func payload(_ vectors: IOVectors) -> IOVectors {
    guard !port.carriesHeader else { return vectors }
    var skip = headerByteCount
    var first = 0
    // The chain is longer than the header, so that a vector is left.
    while first < vectors.count, vectors[first].byteCount <= skip {
      skip -= vectors[first].byteCount
      first += 1
    }
    if first < vectors.count {
      vectors[first].removeFirst(skip)
    }
    return vectors.part(first..<vectors.count)
  }
}

/// The end of a pass over a queue of a network device, which decides what starts the next pass.
enum VirtioNetPass {
  /// Maximum number of frames, and of buffers beside them, before other devices of the thread have their turn.
  static let frameLimit = 64
  static let bufferLimit = 1024

  case waitsForDriver
  case waitsForPort
  case hasMore
  /// The port is broken for good.
  case ended
}
