import HostSystem
import Synchronization
import SystemPackage

/// The threads that serve a session, each with a queue and memory of its own, and the one that writes from time to time.
final class FuseThreads: Sendable {
  private let session: FuseSession
  private let threads: [HostThread]
  private let writer: HostThread
  /// Shows other hosts that the file system is in use; nil where hosts do not share devices.
  private let claimer: HostThread?
  private let shared: Shared

  private final class Shared: Sendable {
    let ended: EventDescriptor
    let stop: EventDescriptor
    let stopClaiming: EventDescriptor
    let remaining: Atomic<Int>

    init(count: Int) throws(Errno) {
      ended = try EventDescriptor()
      stop = try EventDescriptor()
      stopClaiming = try EventDescriptor()
      remaining = Atomic(count)
    }
  }

  /// Device memory in bytes that `threadCount` threads, the regular writer and the owner need.
  ///
  /// Each buffer takes the next power of two of bytes, and each queue reserves some memory.
  ///
  /// - Parameter queueCount: The number of the kernel's queues; 0 without rings.
  static func bufferByteCount(threadCount: Int, queueCount: Int) -> Int {
    let count = queueCount == 0 ? threadCount : threadCount + 1
    let placeCount = queueCount == 0 ? 0 : max(threadCount, queueCount)
    return (2 * count + placeCount) * (2 << 20) + (count + 2) * (1 << 20) + 2 * (2 << 20)
  }

  /// Interval of the checks of the device, in seconds.
  private static let deviceCheckInterval: UInt32 = 2

  /// Starts to serve.
  ///
  /// - Parameters:
  ///   - queueCount: The number of the kernel's queues, for `threadCount` threads with rings and one that reads /dev/fuse; 0 if all of
  ///     them read it.
  ///   - writeInterval: How often structures that nobody has asked to be durable are written, in seconds.
  init(
    session: FuseSession, fileSystem: FileSystem, threadCount: Int, queueCount: Int, pins: Bool,
    writeInterval: UInt32
  ) throws(Errno) {
    HostThread.installInterruptHandler()
    let queues =
      queueCount == 0
      ? [[UInt16]](repeating: [], count: threadCount)
      : FuseTransport.queues(threadCount: threadCount, queueCount: queueCount) + [[]]
    let shared = try Shared(count: queues.count)
    let cpus = try HostThread.currentCPUs().sorted
    // All of them before the first one runs: the kernel is promised rings only if there are rings.
    let serving = try queues.map { (queues) throws(Errno) in
      Lent(try ServingThread(device: fileSystem.device, queues: queues, descriptor: session.descriptor))
    }
    var threads: [HostThread] = []
    for (index, thread) in serving.enumerated() {
      let pinned = pins && !cpus.isEmpty ? CPUSet([cpus[index % cpus.count]]) : nil
      threads.append(
        try HostThread(name: "fuse-vext-\(index)", cpus: pinned) {
          session.serve(on: thread.value)
          if shared.remaining.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            shared.ended.signal()
          }
        })
    }
    let resources = Lent(try ServingResources(device: fileSystem.device))
    writer = try HostThread(name: "fuse-vext-sync", cpus: nil) {
      // Others may change the device meanwhile, however rarely structures are written.
      let step = min(writeInterval, Self.deviceCheckInterval)
      var waited: UInt32 = 0
      Self.repeatedly(every: step, until: shared.stop) {
        fileSystem.checkDevice()
        waited += step
        guard waited >= writeInterval else { return }
        waited = 0
        // The caller of fsync gets the error; the file system has recorded it.
        do throws(Errno) { try fileSystem.synchronizeAll(resources.value, isRegular: true) } catch {}
      }
    }
    if let interval = fileSystem.claimInterval {
      let resources = Lent(try ServingResources(device: fileSystem.device))
      claimer = try HostThread(name: "fuse-vext-claim", cpus: nil) {
        Self.repeatedly(every: UInt32(interval), until: shared.stopClaiming) {
          fileSystem.renewClaim(resources.value)
        }
      }
    } else {
      claimer = nil
    }
    self.session = session
    self.threads = threads
    self.shared = shared
  }

  /// Signalled when the last thread has ended, because the file system was unmounted.
  var endedDescriptor: Int32 { shared.ended.rawValue }

  /// Ends all threads and waits for them.
  func stop() {
    session.end()
    shared.stop.signal()
    writer.join()
    shared.stopClaiming.signal()
    claimer?.join()
    // A thread may be just before the call that blocks it, so one signal may come too early.
    while shared.remaining.load(ordering: .acquiring) > 0 {
      for thread in threads { thread.interrupt() }
      HostClock.sleep(nanoseconds: 2_000_000)
    }
    for thread in threads { thread.join() }
  }

  /// Calls `body` at an interval, in seconds, until an event.
  private static func repeatedly(
    every interval: UInt32, until stop: borrowing EventDescriptor, _ body: () -> Void
  ) {
    do throws(Errno) {
      let poll = try EventPoll()
      try poll.add(descriptor: stop.rawValue, token: 0)
      var events = EventBuffer(capacity: 1)
      while try poll.wait(timeoutMilliseconds: Int32(clamping: UInt64(interval) * 1000), into: &events) == 0 {
        body()
      }
    } catch {
      // Without descriptors for waiting, structures are written by fsync and at the end.
    }
  }
}

/// Hands a value to the one thread that uses it from then on.
private struct Lent<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

/// The state of one thread while it serves requests.
final class ServingThread {
  let resources: ServingResources
  /// The memory of the request that the thread serves.
  private(set) var message: MessageBuffer
  private let ownMessage: MessageBuffer
  /// The thread's places in the kernel's queues; nil for a thread that reads /dev/fuse.
  let ring: FuseRing?
  /// `write_flags` of the WRITE that the thread serves (`FUSE_WRITE_` in linux/fuse.h): libfuse passes on the first alone.
  var writeFlags: UInt32 = 0

  /// The flags of the descriptor, of READDIR and READDIRPLUS, which libfuse does not pass on.
  var listingFlags: Int32 = 0

  /// - Parameters:
  ///   - queues: The kernel's queues in which the thread has places; none for a thread that reads /dev/fuse.
  ///   - descriptor: That of /dev/fuse.
  init(device: any BlockDevice, queues: [UInt16] = [], descriptor: Int32) throws(Errno) {
    resources = try ServingResources(device: device)
    ownMessage = try MessageBuffer(device)
    message = ownMessage
    ring = queues.isEmpty ? nil : try FuseRing(device: descriptor, queues: queues, memory: device)
    useOwnMessage()
  }

  /// Serves requests in `message` from now on, which takes their answers too.
  func use(_ message: MessageBuffer) {
    self.message = message
    resources.answer(into: message.buffer, at: MessageBuffer.payloadOffset)
  }

  /// Serves requests that are read from /dev/fuse from now on.
  func useOwnMessage() { use(ownMessage) }
}
