import CLinux
import HostSystem
public import SystemPackage
import Synchronization
import VextProtocol

/// A vext device that this process drives: its disk, its queues, and the memory that it may reach. Any thread.
///
/// The device is reset and released once neither it nor one of its queues is referenced any more.
public final class VextBlockDevice: Sendable {
  /// The PCI address, such as `0000:00:05.0`.
  public let address: String
  /// The constants of the device.
  public let limits: VextDeviceLimits
  /// The memory for requests.
  public let pool: VextBufferPool
  /// The default wait policy of queues.
  public let waitPolicy: VextWaitPolicy

  let registers: any VextRegisterAccess
  /// Whether the device's I/O thread may sleep, so that the queues ring its doorbell.
  let ringsDoorbell: Bool
  private let queuesInUse: Mutex<[Bool]>
  private let lock: OwnedDescriptor?
  private let guardian: DeviceGuardian?

  /// The size of the disk in bytes.
  public var capacity: UInt64 { limits.capacity }
  /// The block size in bytes; offsets and lengths are multiples of it.
  public var blockByteCount: Int { limits.blockByteCount }
  /// Whether writes fail with `EROFS`.
  public var isReadOnly: Bool { limits.flags.contains(.readOnly) }

  /// Opens a vext function exclusively and resets it.
  ///
  /// The process needs the rights to map the function's registers and to see physical addresses (CAP_SYS_ADMIN). Root has
  /// both.
  ///
  /// - Parameters:
  ///   - address: the function's PCI address, such as `0000:00:05.0`; nil for the first function that is not in use.
  ///   - options: the memory and the wait policy.
  public static func open(
    _ address: String? = nil, options: VextOpenOptions = VextOpenOptions()
  ) throws(VextClientError) -> VextBlockDevice {
    let claimed = try claim(address, options)
    let function = claimed.function
    let lock = claimed.consumeLock()
    try function.enable()
    let registers = SharedRegisters(
      try naming("\(function.address): registers") { () throws(Errno) in
        try MappedRegisters(descriptor: lock.rawValue)
      })
    let limits = try VextDeviceLimits(registers, address: function.address)
    // Ends requests that a killed predecessor left in flight; returns when there are none.
    registers.store32(VextRegister.reset, 1)
    let memory = try VextMemory(byteCount: options.poolByteCount, allowsHugePages: options.allowsHugePages)
    let guardian = try naming("guardian") { () throws(Errno) in
      try DeviceGuardian(registers: registers, lock: lock.rawValue, pin: memory.pinDescriptor)
    }
    return try VextBlockDevice(
      address: function.address, registers: registers, limits: limits, memory: memory,
      waitPolicy: options.waitPolicy, lock: lock, guardian: guardian)
  }

  init(
    address: String, registers: any VextRegisterAccess, limits: VextDeviceLimits, memory: VextMemory,
    waitPolicy: VextWaitPolicy, lock: consuming OwnedDescriptor? = nil,
    guardian: consuming DeviceGuardian? = nil
  ) throws(VextClientError) {
    self.address = address
    self.registers = registers
    self.limits = limits
    self.waitPolicy = waitPolicy
    ringsDoorbell = Self.acceptDoorbell(registers)
    pool = VextBufferPool(memory: memory)
    queuesInUse = Mutex(Array(repeating: false, count: limits.queueCount))
    self.lock = consume lock
    self.guardian = consume guardian
    guard limits.blockByteCount <= memory.map.granule else {
      throw .blocksTooLarge(byteCount: limits.blockByteCount)
    }
  }

  deinit {
    registers.store32(VextRegister.reset, 1)
    switch guardian {
    case .some(let guardian): guardian.dismiss()
    case .none: break
    }
    // Explicitly, because the guardian keeps a copy of the descriptor for a moment longer.
    switch lock {
    case .some(let lock): _ = linux_unlock(lock.rawValue)
    case .none: break
    }
  }

  /// Makes a queue and enables it. One thread at a time may use the queue.
  ///
  /// - Parameters:
  ///   - depth: number of entries that may be in flight at once; rounded up to a power of two, then down to the limits of
  ///     the device and of the memory's pages.
  ///   - waitPolicy: the wait policy; nil for the device's default.
  /// - Throws: `EBUSY` if every queue of the device is in use, `ENOMEM` if the pool has no room for the rings, `EIO` if
  ///   the device refuses them.
  public func makeQueue(depth: Int = 64, waitPolicy: VextWaitPolicy? = nil) throws(Errno) -> VextClientQueue {
    guard let index = takeIndex() else { throw .resourceBusy }
    do {
      return try VextClientQueue(
        device: self, index: UInt16(index), depth: depth, waitPolicy: waitPolicy ?? self.waitPolicy)
    } catch {
      giveBackIndex(index)
      throw error
    }
  }

  /// Accepts DOORBELL (docs/vext-protocol.md §8.1) and no other feature, and tells whether it is in force.
  private static func acceptDoorbell(_ registers: any VextRegisterAccess) -> Bool {
    let offered = VextFeatures(rawValue: registers.load64(VextRegister.deviceFeatures))
    guard offered.contains(.doorbell) else { return false }
    registers.store64(VextRegister.driverFeatures, VextFeatures.doorbell.rawValue)
    return VextFeatures(rawValue: registers.load64(VextRegister.driverFeatures)).contains(.doorbell)
  }

  private func takeIndex() -> Int? {
    queuesInUse.withLock { inUse in
      guard let index = inUse.firstIndex(of: false) else { return nil }
      inUse[index] = true
      return index
    }
  }

  func giveBackIndex(_ index: Int) { queuesInUse.withLock { $0[index] = false } }

  /// A function and the descriptor whose lock gives this process exclusive use of it.
  private struct Claim: ~Copyable {
    let function: VextFunction
    private let lock: OwnedDescriptor

    init(_ function: VextFunction, timeout: UInt64) throws(VextClientError) {
      self.function = function
      lock = try function.lock(timeout: timeout)
    }

    consuming func consumeLock() -> OwnedDescriptor { lock }
  }

  private static func claim(
    _ address: String?, _ options: VextOpenOptions
  ) throws(VextClientError) -> Claim {
    let functions = try VextFunction.all(sysfsPath: options.sysfsPath)
    if let address {
      guard let function = functions.first(where: { $0.address == address }) else {
        throw .noSuchFunction(address: address)
      }
      return try Claim(function, timeout: options.lockTimeoutNanoseconds)
    }
    guard let last = functions.last else { throw .noFunction }
    for function in functions.dropLast() {
      do throws(VextClientError) {
        return try Claim(function, timeout: 0)
      } catch .inUse {
        continue
      }
    }
    return try Claim(last, timeout: options.lockTimeoutNanoseconds)
  }
}
