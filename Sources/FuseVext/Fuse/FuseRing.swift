import CFuse
import Glibc
import HostSystem
import SystemPackage

/// A thread's places for requests in the kernel's queues, and the ring by which it gets and answers them (FUSE over io_uring).
///
/// The kernel has a queue for each CPU, and gives a request to a place in the queue of the CPU that makes it: to the place
/// that was used last, so that few threads serve few requests. One thread uses a ring.
@safe
final class FuseRing: @unchecked Sendable {
  // SAFETY: `ring` is allocated and opened by `init`, and closed and deallocated by `deinit`. Each slot lies in the first page of its
  // place's buffer, which is as long as `MessageBuffer` says; `places` keeps the buffers until the ring is closed, after which the
  // kernel writes to none of them: closing cancels the commands.
  private let ring: UnsafeMutablePointer<cfuse_ring>
  private let places: [MessageBuffer]
  private var isOpen = true
  /// The places that the kernel still has or has filled.
  private var liveCount = 0
  /// The place whose request is being served.
  private var current: Int?

  /// What ``receive()`` brings.
  enum Received {
    /// A request in a place of the ring: the message as read(2) would give it.
    case request(BlockMemory, MessageBuffer)
    /// A signal came, or a place is gone.
    case nothing
    /// The kernel has none of the places any more.
    case end
  }

  /// Makes a ring with a place in each of `queues`.
  ///
  /// - Parameters:
  ///   - device: The descriptor of /dev/fuse.
  ///   - memory: What gives memory to the places.
  init(device: Int32, queues: [UInt16], memory: any BlockDevice) throws(Errno) {
    var places: [MessageBuffer] = []
    for _ in queues { places.append(try MessageBuffer(memory)) }
    let ring = UnsafeMutablePointer<cfuse_ring>.allocate(capacity: 1)
    unsafe ring.initialize(to: cfuse_ring())
    do throws(Errno) {
      try check(unsafe cfuse_ring_open(ring, UInt32(places.count), device))
    } catch {
      unsafe ring.deallocate()
      throw error
    }
    unsafe self.ring = unsafe ring
    self.places = places
    for (place, queue) in zip(places, queues) {
      let payload = unsafe place.payload.unsafeBytes
      unsafe cfuse_slot_prepare(Self.slot(of: place), payload.baseAddress, payload.count, queue)
    }
  }

  deinit {
    close()
    unsafe ring.deallocate()
  }

  /// Sends what ``finish()`` has prepared, and ends what the kernel does with the places. Requests that are in them then get no answer.
  func close() {
    guard isOpen else { return }
    isOpen = false
    current = nil
    unsafe cfuse_ring_close(ring)
  }

  private static func slot(of place: MessageBuffer) -> UnsafeMutablePointer<cfuse_slot>? {
    unsafe place.slot.unsafeBytes.baseAddress?.assumingMemoryBound(to: cfuse_slot.self)
  }

  /// The slot of the request that is being served; nil outside.
  var slot: UnsafeMutablePointer<cfuse_slot>? {
    guard let current else { return nil }
    return unsafe Self.slot(of: places[current])
  }

  /// Offers the places to the kernel, which has answered INIT. The calling thread alone uses the ring from now on.
  func start() throws(Errno) {
    try check(unsafe cfuse_ring_enable(ring))
    for (index, place) in places.enumerated() {
      enqueue(CFUSE_RING_REGISTER, place, token: index)
      liveCount += 1
    }
  }

  private func enqueue(_ operation: Int, _ place: MessageBuffer, token: Int) {
    let result = unsafe cfuse_ring_enqueue(ring, Self.slot(of: place), UInt32(operation), UInt64(token))
    precondition(result == 0, "the ring has an entry for each place")
  }

  /// Sends what ``finish()`` has prepared, and waits for a request.
  func receive() -> Received {
    guard liveCount > 0 else { return .end }
    var token: UInt64 = 0
    var result: Int32 = 0
    let outcome = unsafe cfuse_ring_wait(ring, &token, &result)
    if outcome == -EINTR || outcome == -EAGAIN { return .nothing }
    guard outcome == 0, token < UInt64(places.count) else { return .end }
    guard result >= 0 else {
      // The end of the mount, or a kernel that refuses the place.
      liveCount -= 1
      return liveCount == 0 ? .end : .nothing
    }
    let index = Int(token)
    let place = places[index]
    current = index
    unsafe slot?.pointee.is_answered = 0
    guard let message = place.assemble() else {
      finish()
      return .nothing
    }
    return .request(message, place)
  }

  /// Prepares to send the answer to the request that was received last; one that has none is answered with `EIO`.
  func finish() {
    guard let index = current, let slot = unsafe slot else { return }
    if unsafe slot.pointee.is_answered == 0 {
      // The device is not used, because the slot takes the answer.
      unsafe _ = cfuse_answer(-1, slot, slot.pointee.header.commit_id, -EIO, nil, 0)
    }
    current = nil
    enqueue(CFUSE_RING_COMMIT_AND_FETCH, places[index], token: index)
  }
}
