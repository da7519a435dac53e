import CLinux
import CSlirp
import Glibc
import HostSystem
import Hypervisor
import Synchronization
import SystemPackage

/// One instance of libslirp, and the loop that drives it.
///
/// After the initializer only the thread that serves touches it, apart from ``requestEnd()``.
@safe
final class SlirpStack: @unchecked Sendable {
  // SAFETY: the buffers and the table of callbacks live from the initializer to `deinit`, which closes libslirp's instance first;
  // one thread calls libslirp, and its callbacks get this object while the loop holds it.
  /// Frames that wait for the guest; then they are dropped, as a switch does.
  private static let backlogLimit = 4096
  private static let frameLimit = 64
  private static let frameByteCount = 65_600

  private let library: SlirpLibrary
  private let port: FramePort
  private let wake: EventDescriptor
  private let shouldEnd = Atomic<Bool>(false)
  private let callbacks: UnsafeMutablePointer<SlirpCb>
  private let frame: UnsafeMutableRawPointer
  private var slirp: OpaquePointer?
  private var backlog: [[UInt8]] = []
  private var descriptors: [pollfd] = []
  /// Whether the last turn passed frames of the guest to libslirp. libslirp may then send packets that waited, such as for an ARP
  /// reply, in its next turn, and does not report that it has them.
  private var tookFrames = false
  var timers = SlirpTimers()
  private var rules: FlowRules
  /// Sockets that libslirp has open.
  var flowCount = 0

  /// The most flows where the configuration says nothing.
  private static var defaultFlowLimit: Int { min(max(64, Int(clamping: linux_descriptor_limit() / 8)), 4096) }

  init(_ configuration: UserNetworkConfiguration, port: FramePort) throws(UserNetworkError) {
    library = try SlirpLibrary.shared()
    self.port = port
    let flowLimit = configuration.flowLimit ?? Self.defaultFlowLimit
    // Listening sockets are none of the guest's flows.
    rules = FlowRules(configuration, flowLimit: flowLimit + configuration.forwards.count)
    do { wake = try EventDescriptor() } catch { throw .failed(call: "eventfd", error) }
    unsafe callbacks = .allocate(capacity: 1)
    unsafe callbacks.initialize(to: Self.callbackTable())
    unsafe frame = .allocate(byteCount: Self.frameByteCount, alignment: 16)
    var settings = unsafe Self.settings(of: configuration)
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    // SAFETY: the callbacks outlive the instance; the context is this object, which serves until the instance is gone.
    library.withFunctions { unsafe slirp = $0.new_instance(&settings, callbacks, context) }
    guard unsafe slirp != nil else { throw .refused }
    for forward in configuration.forwards { try add(forward) }
  }

  deinit {
    cleanUp()
    unsafe callbacks.deallocate()
    unsafe frame.deallocate()
  }

  /// Ends ``serve()``. Any thread.
  func requestEnd() {
    shouldEnd.store(true, ordering: .releasing)
    wake.signal()
  }

  /// Serves until the end is requested, and closes everything that libslirp has open.
  func serve() {
    while !shouldEnd.load(ordering: .acquiring) {
      let timeout = prepareToSleep()
      let result = unsafe descriptors.withUnsafeMutableBufferPointer {
        unsafe linux_poll($0.baseAddress, UInt($0.count), timeout)
      }
      wake.drain()
      guard turn(pollFailed: result < 0) else { break }
    }
    cleanUp()
  }

  private func cleanUp() {
    guard let instance = unsafe slirp else { return }
    unsafe slirp = nil
    library.withFunctions { unsafe $0.cleanup(instance) }
  }

  /// Collects what to wait for, and returns for how long in milliseconds.
  private func prepareToSleep() -> Int32 {
    let isBlocked = !backlog.isEmpty
    descriptors.removeAll(keepingCapacity: true)
    descriptors.append(pollfd(fd: wake.rawValue, events: Int16(POLLIN), revents: 0))
    descriptors.append(pollfd(fd: port.rawValue, events: Int16(isBlocked ? POLLOUT : POLLIN), revents: 0))
    // While the guest takes no frames, nothing new is fetched: connections fill up, and their other ends wait.
    guard !isBlocked else { return -1 }
    var timeout = UInt32.max
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    library.withFunctions {
      unsafe $0.pollfds_fill(
        slirp, &timeout,
        { descriptor, events, context in unsafe SlirpStack.of(context).watch(descriptor, events) }, context)
    }
    guard !tookFrames else { return 0 }
    var milliseconds = timeout == .max ? Int64.max : Int64(timeout)
    if let deadline = timers.firstDeadlineMilliseconds {
      milliseconds = min(milliseconds, max(0, deadline - Self.nowMilliseconds))
    }
    return milliseconds == .max ? -1 : Int32(clamping: milliseconds)
  }

  /// Handles the events of a sleep. Returns false if the guest's end is closed.
  private func turn(pollFailed: Bool) -> Bool {
    guard backlog.isEmpty else {
      flush()
      return true
    }
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    return library.withFunctions { functions in
      unsafe functions.pollfds_poll(
        slirp, pollFailed ? 1 : 0,
        { index, context in unsafe SlirpStack.of(context).events(at: index) }, context)
      while let timer = unsafe timers.takeDue(nowMilliseconds: Self.nowMilliseconds) {
        unsafe functions.handle_timer(slirp, timer.id, timer.context)
      }
      return takeFrames(functions)
    }
  }

  /// Hands the guest's frames to libslirp.
  private func takeFrames(_ functions: cslirp_functions) -> Bool {
    tookFrames = false
    for _ in 0..<Self.frameLimit where backlog.isEmpty {
      var vector = unsafe iovec(iov_base: frame, iov_len: Self.frameByteCount)
      let byteCount = unsafe withUnsafeMutablePointer(to: &vector) {
        unsafe port.read(into: IOVectors($0, count: 1))
      }
      if byteCount == -Int(Errno.wouldBlock.rawValue) { break }
      guard byteCount > 0 else { return false }
      // More than the buffer holds is no frame of a guest's.
      guard byteCount <= Self.frameByteCount else { continue }
      tookFrames = true
      let bytes = unsafe UnsafeRawBufferPointer(start: frame, count: byteCount)
      switch unsafe rules.verdict(on: GuestPacket.read(bytes), flowCount: flowCount) {
      case .pass: unsafe functions.input(slirp, frame.assumingMemoryBound(to: UInt8.self), Int32(byteCount))
      case .drop: break
      case .refuse:
        let answer = unsafe rules.refusal(of: bytes)
        _ = unsafe answer.withUnsafeBytes { unsafe send($0) }
      }
    }
    return true
  }

  private func flush() {
    var sentCount = 0
    while sentCount < backlog.count {
      let result = unsafe backlog[sentCount].withUnsafeBytes { unsafe write($0) }
      if result == -Int(Errno.wouldBlock.rawValue) { break }
      sentCount += 1
    }
    backlog.removeFirst(sentCount)
  }

  /// Sends a frame to the guest, now or when there is room.
  func send(_ bytes: UnsafeRawBufferPointer) -> Int {
    unsafe rules.note(sent: GuestPacket.read(bytes))
    if backlog.isEmpty {
      let result = unsafe write(bytes)
      guard result == -Int(Errno.wouldBlock.rawValue) else { return result }
    }
    if backlog.count < Self.backlogLimit { unsafe backlog.append([UInt8](bytes)) }
    return bytes.count
  }

  private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
    // SAFETY: the port only reads what is written.
    var vector = unsafe iovec(
      iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
    return unsafe withUnsafeMutablePointer(to: &vector) {
      unsafe port.write(IOVectors($0, count: 1))
    }
  }

  private func watch(_ descriptor: Int32, _ events: Int32) -> Int32 {
    descriptors.append(
      pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: SlirpEvents.poll(events)), revents: 0))
    return Int32(clamping: descriptors.count - 1)
  }

  private func events(at index: Int32) -> Int32 {
    descriptors.indices.contains(Int(index)) ? SlirpEvents.slirp(Int32(descriptors[Int(index)].revents)) : 0
  }

  private func add(_ forward: PortForward) throws(UserNetworkError) {
    let result = library.withFunctions { functions -> Int32 in
      let result = unsafe functions.add_hostfwd(
        slirp, forward.transport == .udp ? 1 : 0, cslirp_address(forward.hostAddress.rawValue),
        Int32(forward.hostPort), cslirp_address(forward.guestAddress?.rawValue ?? 0), Int32(forward.guestPort)
      )
      return result < 0 ? -errno : 0
    }
    if result < 0 { throw .cannotForward(forward, Errno(rawValue: -result)) }
  }

  static var nowMilliseconds: Int64 { Int64(HostClock.monotonicNanoseconds() / 1_000_000) }

  /// The object behind a callback's context.
  static func of(_ context: UnsafeMutableRawPointer?) -> SlirpStack {
    guard let context = unsafe context else { preconditionFailure("libslirp hands back the context") }
    return unsafe Unmanaged<SlirpStack>.fromOpaque(context).takeUnretainedValue()
  }
}
