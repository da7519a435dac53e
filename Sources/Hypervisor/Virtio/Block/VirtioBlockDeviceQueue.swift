import CLinux
import Glibc
import SystemPackage

/// One virtqueue of a block device as an I/O thread serves it, from DRIVER_OK to reset.
///
/// The thread that it is attached to is the only one that touches it. Everything that requests need is allocated
/// here at the start: for each head of a chain its vectors, and what becomes of it.
@safe
final class VirtioBlockDeviceQueue: IOQueue, @unchecked Sendable {
  let channel: VirtqueueChannel
  let disk: DiskHandle
  let image: DiskImage
  let cache: VirtioBlockCache
  let activity: DiskActivity
  let chainLimit: Int
  /// `chainLimit` vectors for each head. Only pages that requests touch become resident.
  let vectors: UnsafeMutablePointer<iovec>
  /// One for each head.
  let slots: UnsafeMutablePointer<VirtioBlockSlot>
  /// The address of each head's status byte, in guest RAM.
  let statuses: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  let identity: UnsafeMutablePointer<UInt8>
  private let size: Int
  let memory: GuestMemory
  private var ring: Virtqueue
  private var tokenBase: UInt64 = 0
  private var underWay = 0
  private var hasStopped = false

  /// - Parameter chainLimit: the most descriptors of a chain that are accepted.
  init(
    _ binding: VirtioQueueBinding, disk: DiskImage, cache: VirtioBlockCache, activity: DiskActivity,
    memory: GuestMemory, chainLimit: Int
  ) {
    unsafe ring = unsafe binding.ring
    size = unsafe Int(binding.ring.size)
    channel = binding.channel
    image = disk
    self.cache = cache
    self.activity = activity
    self.disk = disk.handle
    self.memory = memory
    self.chainLimit = chainLimit
    unsafe vectors = .allocate(capacity: size * chainLimit)
    unsafe slots = .allocate(capacity: size)
    unsafe slots.initialize(repeating: VirtioBlockSlot(), count: size)
    unsafe statuses = .allocate(capacity: size)
    unsafe statuses.initialize(repeating: nil, count: size)
    unsafe identity = .allocate(capacity: VirtioBlockProtocol.identityByteCount)
    for index in 0..<VirtioBlockProtocol.identityByteCount {
      unsafe identity[index] = index < disk.identity.count ? disk.identity[index] : 0
    }
  }

  deinit {
    unsafe vectors.deallocate()
    unsafe slots.deallocate()
    unsafe statuses.deallocate()
    unsafe identity.deallocate()
  }

  var notificationDescriptor: Int32? { channel.notificationDescriptor }

  var inFlight: Int { underWay }

  func begin(token: UInt64, polling: Bool) {
    tokenBase = token
    if polling { unsafe ring.suppressNotifications() } else { _ = unsafe ring.requestNotifications() }
  }

  func drain(engine: inout BlockEngine) -> Int {
    guard !hasStopped else { return 0 }
    var ring = unsafe self.ring
    var taken = 0
    var started = 0
    do throws(VirtqueueError) {
      // The room is looked at each time: a request of several ranges may take that of several.
      while taken < PassLimit.requestsPerQueue, engine.room > 0, !engine.isSpent,
        let head = try unsafe ring.takeHead()
      {
        taken &+= 1
        if try unsafe start(head, &ring, &engine) { started &+= 1 }
      }
    } catch {
      hasStopped = true
      channel.fail(error)
    }
    if taken > 0 { unsafe ring.suppressNotifications() }
    unsafe self.ring = unsafe ring
    underWay &+= started
    return taken
  }

  func complete(slot: UInt32, result: Int64) {
    guard slot < size, unsafe slots[Int(slot)].isUnderWay else { return }
    guard unsafe slots[Int(slot)].take(result) else { return }
    underWay &-= 1
    unsafe activity.finish(startedAt: slots[Int(slot)].startTicks)
    unsafe answer(UInt16(slot), result: slots[Int(slot)].result, &ring)
  }

  func finishPass() -> Bool {
    if unsafe ring.publish() { channel.interrupt() }
    return false
  }

  /// The virtqueue's own fence leaves nothing open.
  func confirmWake() {}

  func prepareToSleep() -> Bool {
    // In this order: a notification after this wakes the thread, and the chain of one before it is seen below.
    channel.drainNotification()
    return unsafe hasStopped || ring.requestNotifications()
  }

  /// The first chain that is taken suppresses notifications: until then they do no harm.
  func didWake() {}

  /// ``prepareToSleep()`` does it.
  func drainNotification() {}

  func token(of head: UInt16) -> UInt64 { tokenBase | UInt64(head) }
}
