import SystemPackage

/// Moves frames from a port straight to the guest's buffers.
///
/// It takes chains ahead, as many as the longest frame may need, and reads into them and a spill area behind them. The
/// part of a frame that exceeds the chains waits in the spill area until the driver adds chains. If a frame may fill one
/// chain only, the frame is dropped instead.
final class VirtioNetReceiver {
  /// A chain that was taken and not completed yet.
  private struct HeldChain {
    let head: UInt16
    let vectorCount: Int
    let byteCount: Int
  }

  /// A frame that did not fit, header included; the excess is in the spill area.
  private struct WaitingFrame {
    let byteCount: Int
    let placedByteCount: Int
  }

  /// IOV_MAX.
  private static let vectorLimit = 1024
  private static let spillByteCount =
    VirtioNetProtocol.maximumFrameByteCount + VirtioNetProtocol.headerByteCount

  private let port: FramePort
  private let headerByteCount: Int
  private let mergesBuffers: Bool
  /// Number of bytes of room that are needed before a frame is read.
  private let wantedByteCount: Int
  private let counters: VirtioNetCounters
  private let spill = HostBuffer(byteCount: VirtioNetReceiver.spillByteCount)
  private let scratch: FixedTable<IOVector>
  private var held: [HeldChain] = []
  private var heldByteCount = 0
  /// The buffers of the held chains.
  private var vectors: [IOVector] = []
  private var waiting: WaitingFrame?
  private var buffersLeft = 0

  init(
    port: FramePort, headerByteCount: Int, mergesBuffers: Bool, takesLargeFrames: Bool,
    counters: VirtioNetCounters
  ) {
    self.port = port
    self.headerByteCount = headerByteCount
    self.mergesBuffers = mergesBuffers
    self.counters = counters
    let frameByteCount =
      takesLargeFrames
      ? VirtioNetProtocol.maximumFrameByteCount : VirtioNetProtocol.ordinaryFrameByteCount
    wantedByteCount = mergesBuffers ? headerByteCount + frameByteCount : 1
    do { scratch = try FixedTable(emptyVectors: Self.vectorLimit) } catch {
      preconditionFailure("no memory for a queue's buffers: \(error)")
    }
  }

  /// Receives frames, as far as there are buffers and the pass allows.
  func pass(_ queue: ServedVirtqueue) -> VirtioNetPass {
    buffersLeft = VirtioNetPass.bufferLimit
    for _ in 0..<VirtioNetPass.frameLimit {
      hold(waiting?.byteCount ?? wantedByteCount, from: queue)
      if buffersLeft == 0 { return .hasMore }
      if let frame = waiting {
        guard frame.byteCount <= heldByteCount else {
          // No correct driver has more chains in flight than this.
          guard held.count < Self.vectorLimit else {
            drop(queue)
            continue
          }
          return .waitsForDriver
        }
        waiting = nil
        deliver(frame, queue)
        continue
      }
      guard !held.isEmpty else { return .waitsForDriver }
      let (result, room) = read()
      switch result {
      case -Int(Errno.wouldBlock.rawValue): return .waitsForPort
      case ...0: return .ended
      default: take(result + (port.carriesHeader ? 0 : headerByteCount), room: room, queue)
      }
    }
    return .hasMore
  }

  /// Takes chains until they have room for `byteCount` bytes.
  private func hold(_ byteCount: Int, from queue: ServedVirtqueue) {
    while heldByteCount < byteCount, held.count < Self.vectorLimit, buffersLeft > 0 {
      guard let chain = queue.next() else { return }
      buffersLeft -= 1
      let room = chain.writableByteCount
      guard room >= headerByteCount else {
        counters.refusedBuffers.count()
        queue.complete(chain)
        continue
      }
      let writable = chain.writable
      for index in 0..<writable.count { vectors.append(writable[index]) }
      held.append(HeldChain(head: chain.head, vectorCount: writable.count, byteCount: room))
      heldByteCount += room
    }
  }

  /// Reads a frame into the held chains and the spill area.
  ///
  /// - Returns: the port's result, and the number of bytes, header included, that belong to the chains.
  private func read() -> (result: Int, room: Int) {
    var skip = port.carriesHeader ? 0 : headerByteCount
    var room = skip
    var count = 0
    for index in vectors.indices where count < Self.vectorLimit - 1 {
      var vector = vectors[index]
      let part = min(skip, vector.byteCount)
      skip -= part
      vector.removeFirst(part)
      guard vector.byteCount > 0 else { continue }
      scratch[count] = vector
      room += vector.byteCount
      count += 1
    }
    scratch[count] = spill.vector(spill.all)
    return (port.read(into: scratch.vectors(from: 0, count: count + 1)), room)
  }

  /// Handles a frame of `byteCount` bytes, header included, that was read into `room` bytes of chains.
  private func take(_ byteCount: Int, room: Int, _ queue: ServedVirtqueue) {
    let spilled = max(0, byteCount - room)
    guard byteCount >= headerByteCount + VirtioNetProtocol.minimumFrameByteCount,
      spilled <= Self.spillByteCount, mergesBuffers || byteCount <= held[0].byteCount
    else {
      counters.receiveDrops.count()
      return
    }
    let frame = WaitingFrame(byteCount: byteCount, placedByteCount: min(room, byteCount))
    if byteCount <= heldByteCount { deliver(frame, queue) } else { waiting = frame }
  }

  /// Delivers a frame that fits to the driver.
  private func deliver(_ frame: WaitingFrame, _ queue: ServedVirtqueue) {
    spill.withBytes(0..<frame.byteCount - frame.placedByteCount) { place($0, at: frame.placedByteCount) }
    var header = [UInt8](repeating: 0, count: port.carriesHeader ? 0 : headerByteCount)
    place(header.span, at: 0)
    var left = frame.byteCount
    var chainCount = 0
    var vectorCount = 0
    while left > 0, chainCount < held.count {
      let chain = held[chainCount]
      let part = min(left, chain.byteCount)
      queue.complete(head: chain.head, byteCount: part)
      left -= part
      heldByteCount -= chain.byteCount
      vectorCount += chain.vectorCount
      chainCount += 1
    }
    if headerByteCount == VirtioNetProtocol.headerByteCount {
      header = [UInt8(truncatingIfNeeded: chainCount), UInt8(truncatingIfNeeded: chainCount >> 8)]
      place(header.span, at: VirtioNetProtocol.bufferCountOffset)
    }
    held.removeFirst(chainCount)
    vectors.removeFirst(vectorCount)
    counters.receivedFrames.count()
  }

  /// Drops the waiting frame and completes the chains that did not suffice.
  private func drop(_ queue: ServedVirtqueue) {
    for chain in held { queue.complete(head: chain.head) }
    held.removeAll(keepingCapacity: true)
    vectors.removeAll(keepingCapacity: true)
    heldByteCount = 0
    waiting = nil
    counters.receiveDrops.count()
  }

  /// Copies bytes to the held chains, from `offset` on.
  private func place(_ bytes: Span<UInt8>, at offset: Int) {
    var skip = offset
    var done = 0
    for vector in vectors where done < bytes.count {
      guard skip < vector.byteCount else {
        skip -= vector.byteCount
        continue
      }
      let run = vector.part(from: skip, byteCount: bytes.count - done)
      run.store(bytes.extracting(done..<done + run.byteCount))
      done += run.byteCount
      skip = 0
    }
  }
}
