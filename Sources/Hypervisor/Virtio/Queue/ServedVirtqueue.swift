import VextProtocol

/// A virtqueue that a device thread serves, chain by chain, from DRIVER_OK to reset. One thread at a time.
public final class ServedVirtqueue: @unchecked Sendable {
  /// The queue's number.
  public let index: Int
  private let channel: VirtqueueChannel
  private let buffers: VirtioChainBuffers
  private var ring: Virtqueue
  private var hasStopped = false
  /// Whether the last ``next()`` found no chain.
  private(set) var wasEmptied = false

  /// - Parameter chainLimit: maximum number of descriptors of a chain.
  public init(_ binding: VirtioQueueBinding, memory: GuestMemory, chainLimit: Int = 1024) {
    index = binding.index
    channel = binding.channel
    // They keep the memory, in which the ring lies, too.
    buffers = VirtioChainBuffers(limit: chainLimit, memory: memory)
    ring = binding.ring
  }

  /// Takes the next chain; nil if there is none, or a malformed one has stopped the queue.
  ///
  /// A chain that was taken must be completed, unless the queue is reset before.
  public func next() -> VirtioChain? {
    wasEmptied = true
    guard !hasStopped else { return nil }
    do throws(VirtqueueError) {
      guard let head = try ring.takeHead() else { return nil }
      wasEmptied = false
      let chain = try ring.readChain(head: head, into: buffers.all)
      return VirtioChain(head: head, chain: chain, buffers: buffers)
    } catch {
      hasStopped = true
      channel.fail(error)
      return nil
    }
  }

  /// Completes a chain, with `byteCount` bytes written to it; ``publish()`` makes that visible to the driver.
  public func complete(_ chain: VirtioChain, byteCount: Int = 0) {
    complete(head: chain.head, byteCount: byteCount)
  }

  /// Completes the chain at `head`, which was taken earlier.
  public func complete(head: UInt16, byteCount: Int = 0) {
    ring.putUsed(head: head, byteCount: UInt32(clamping: byteCount))
  }

  /// Makes completed chains visible, and raises an interrupt if the driver wants one.
  public func publish() {
    if ring.publish() { channel.interrupt() }
  }

  /// Stops the queue after a request that breaks the device's rules and cannot be answered.
  public func fail(_ error: VirtqueueError) {
    hasStopped = true
    channel.fail(error)
  }

  /// Tells the driver to read the device's configuration again.
  public func configurationChanged() { channel.configurationChanged() }

  var notificationDescriptor: Int32 { channel.notificationDescriptor }

  func drainNotification() { channel.drainNotification() }

  /// Makes the notification descriptor ready, as if the driver had notified.
  func notifyAgain() { channel.notify() }

  func suppressNotifications() {
    wasEmptied = false
    ring.suppressNotifications()
  }

  /// Asks for the next notification.
  ///
  /// - Returns: false if chains came in meanwhile.
  func requestNotifications() -> Bool { hasStopped || ring.requestNotifications() }
}
