import CLinux
import SystemPackage

/// Moves frames from a transmit queue to a port, straight from the guest's buffers.
@safe
struct VirtioNetTransmitter {
  /// A frame on its way, in buffers that are valid until the next chain is taken.
  @unsafe
  private struct Frame {
    let head: UInt16
    let vectors: UnsafeMutableBufferPointer<iovec>
  }

  private let port: FramePort
  private let headerByteCount: Int
  private let counters: VirtioNetCounters
  /// What the port had no room for.
  private var waiting: Frame?

  init(port: FramePort, headerByteCount: Int, counters: VirtioNetCounters) {
    self.port = port
    self.headerByteCount = headerByteCount
    self.counters = counters
    unsafe waiting = nil
  }

  /// Sends what is available, as far as the port takes it and the pass allows.
  mutating func pass(_ queue: ServedVirtqueue) -> VirtioNetPass {
    for _ in 0..<VirtioNetPass.frameLimit {
      if unsafe waiting == nil {
        guard let chain = unsafe queue.next() else { return .waitsForDriver }
        guard unsafe isAcceptable(chain) else {
          counters.sendDrops.count()
          unsafe queue.complete(chain)
          continue
        }
        unsafe waiting = Frame(head: chain.head, vectors: payload(chain.readable))
      }
      guard let frame = unsafe waiting else { continue }
      let result = unsafe port.write(frame.vectors)
      if result == -Int(Errno.wouldBlock.rawValue) { return .waitsForPort }
      // EINVAL for a virtio header that makes no sense, EIO for an interface that is down, EPIPE without a peer: the frame
      // is lost, as on a cable that is not plugged in.
      if result < 0 { counters.sendDrops.count() } else { counters.sentFrames.count() }
      unsafe queue.complete(head: frame.head)
      unsafe waiting = nil
    }
    return .hasMore
  }

  private func isAcceptable(_ chain: VirtioChain) -> Bool {
    let byteCount = unsafe chain.readableByteCount
    return byteCount >= headerByteCount + VirtioNetProtocol.minimumFrameByteCount
      && byteCount <= headerByteCount + VirtioNetProtocol.maximumFrameByteCount
  }

  /// What the port gets: all of it, or what is behind the header.
  private func payload(_ vectors: UnsafeMutableBufferPointer<iovec>) -> UnsafeMutableBufferPointer<iovec> {
    guard !port.carriesHeader else { return unsafe vectors }
    var skip = headerByteCount
    var first = 0
    // The chain is longer than the header, so that a vector is left.
    while first < vectors.count, unsafe vectors[first].iov_len <= skip {
      unsafe skip -= vectors[first].iov_len
      first += 1
    }
    if first < vectors.count {
      unsafe vectors[first].iov_base = unsafe vectors[first].iov_base.map { unsafe $0 + skip }
      unsafe vectors[first].iov_len -= skip
    }
    return unsafe UnsafeMutableBufferPointer(rebasing: vectors[first...])
  }
}
