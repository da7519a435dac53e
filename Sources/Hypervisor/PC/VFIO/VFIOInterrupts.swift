import HostSystem
import Synchronization
import SystemPackage

/// The interrupts of a device of the host: the kernel signals eventfds, and KVM turns them into interrupts of the guest.
///
/// A device uses its line, MSI or MSI-X. A vector gets an eventfd when the guest first unmasks it, because a device may have 2,048.
/// While a vector is masked, its eventfd has no route and keeps the signals, so that a mask needs no request to the host's kernel.
/// vCPU threads call it.
final class VFIOInterrupts: Sendable {
  /// What the guest has set in configuration space.
  struct Settings: Equatable, Sendable {
    /// Whether the line may interrupt.
    var isLineEnabled = false
    /// The messages of MSI; nil while it is off.
    var msi: MSI?
    /// Whether MSI-X is on.
    var isMSIXEnabled = false
    /// Whether all vectors of MSI-X are masked.
    var isMSIXMasked = false

    /// Messages that differ in the lowest bits of their data.
    struct MSI: Equatable, Sendable {
      var message: InterruptMessage
      var count: Int
      var mask: UInt32
    }
  }

  /// An entry of the MSI-X table.
  private struct Entry {
    var address: UInt64 = 0
    var data: UInt32 = 0
    var isMasked = true
  }

  /// A vector that the guest has unmasked at least once.
  private struct Vector {
    let vector: MSIXVector
    /// Whether it interrupts.
    var isLive: Bool
  }

  /// The eventfds of the line.
  private final class Line: Sendable {
    let trigger: EventDescriptor
    let acknowledgement: EventDescriptor
    init() throws(Errno) {
      trigger = try EventDescriptor()
      acknowledgement = try EventDescriptor()
    }
  }

  private struct State {
    var settings = Settings()
    /// What VFIO has connected, if anything.
    var mode: VFIODevice.Interrupt?
    /// What the settings ask for.
    var wanted: VFIODevice.Interrupt?
    var entries: [Entry]
    var vectors: [Vector?] = []
    var line: Line?
    var gsi: UInt32?
  }

  private let device: VFIODevice
  private let messages: any MessageInterruptRouter
  private let lines: any LevelInterruptRouter
  private let log: VextLog
  private let state: Mutex<State>
  private let entryCount: Int

  init(
    _ device: VFIODevice, messages: any MessageInterruptRouter, lines: any LevelInterruptRouter, log: VextLog
  ) {
    self.device = device
    self.messages = messages
    self.lines = lines
    self.log = log
    entryCount = device.capabilities.msix?.vectorCount ?? 0
    state = Mutex(State(entries: [Entry](repeating: Entry(), count: entryCount)))
  }

  deinit { shutDown() }

  /// Wires the line to an input of the interrupt chips. Before the guest runs.
  func connectLine(gsi: UInt32) { state.withLock { $0.gsi = gsi } }

  /// Takes over what the guest has set.
  func update(_ settings: Settings) {
    state.withLock { state in
      guard settings != state.settings else { return }
      state.settings = settings
      let wanted = choice(state)
      if wanted != state.wanted {
        stop(&state)
        state.wanted = wanted
        start(&state)
      }
      // In order of their numbers; those that were never unmasked cost nothing.
      for index in state.vectors.indices { apply(&state, index) }
    }
  }

  /// Disconnects everything. The vCPUs must have stopped.
  func shutDown() {
    state.withLock { state in
      stop(&state)
      state.wanted = nil
      state.settings = Settings()
    }
  }

  // MARK: The table of MSI-X

  /// Reads 4 or 8 aligned bytes of the table.
  func readTable(offset: UInt64, byteCount: Int) -> UInt64 {
    guard Self.isWord(offset, byteCount) else { return 0 }
    return state.withLock { state in
      var value = UInt64(word(state, offset))
      if byteCount == 8 { value |= UInt64(word(state, offset + 4)) << 32 }
      return value
    }
  }

  /// Writes 4 or 8 aligned bytes of the table.
  func writeTable(offset: UInt64, byteCount: Int, value: UInt64) {
    guard Self.isWord(offset, byteCount) else { return }
    state.withLock { state in
      for half in 0..<UInt64(byteCount / 4) {
        setWord(&state, offset + half * 4, UInt32(truncatingIfNeeded: value >> (half * 32)))
      }
      let index = Int(offset / 16)
      if state.mode == .msix, index < state.vectors.count { apply(&state, index) }
    }
  }

  /// Reads 4 or 8 aligned bytes of the pending bits: a vector that is masked and was signalled.
  func readPendingBits(offset: UInt64, byteCount: Int) -> UInt64 {
    guard Self.isWord(offset, byteCount) else { return 0 }
    return state.withLock { state in
      guard state.mode == .msix else { return 0 }
      var value: UInt64 = 0
      for bit in 0..<byteCount * 8 {
        let index = Int(offset) * 8 + bit
        guard index < state.vectors.count, let known = state.vectors[index] else { continue }
        if known.vector.isPending { value |= 1 << UInt64(bit) }
      }
      return value
    }
  }

  private static func isWord(_ offset: UInt64, _ byteCount: Int) -> Bool {
    (byteCount == 4 || byteCount == 8) && offset.isMultiple(of: UInt64(byteCount)) && offset < 1 << 16
  }

  private func word(_ state: State, _ offset: UInt64) -> UInt32 {
    let index = Int(offset / 16)
    guard index < entryCount else { return 0 }
    let entry = state.entries[index]
    return switch offset % 16 {
    case 0: UInt32(truncatingIfNeeded: entry.address)
    case 4: UInt32(truncatingIfNeeded: entry.address >> 32)
    case 8: entry.data
    default: entry.isMasked ? 1 : 0
    }
  }

  private func setWord(_ state: inout State, _ offset: UInt64, _ value: UInt32) {
    let index = Int(offset / 16)
    guard index < entryCount else { return }
    switch offset % 16 {
    case 0: state.entries[index].address = state.entries[index].address & ~0xFFFF_FFFF | UInt64(value)
    case 4:
      state.entries[index].address = state.entries[index].address & 0xFFFF_FFFF | UInt64(value) << 32
    case 8: state.entries[index].data = value
    default: state.entries[index].isMasked = value & 1 != 0
    }
  }

  // MARK: Modes

  /// MSI-X comes before MSI, and both before the line (PCI Local Bus 3.0 §6.8).
  private func choice(_ state: State) -> VFIODevice.Interrupt? {
    if state.settings.isMSIXEnabled, entryCount > 0 { return .msix }
    if state.settings.msi != nil { return .msi }
    return state.settings.isLineEnabled && device.hasLine && state.gsi != nil ? .line : nil
  }

  private func stop(_ state: inout State) {
    guard let mode = state.mode.take() else { return }
    attempt("interrupts off") { () throws(Errno) in try device.clearInterrupts(mode) }
    // The routes go with them.
    state.vectors = []
    if mode == .line, let line = state.line, let gsi = state.gsi {
      lines.removeLevelRoute(gsi, trigger: line.trigger.rawValue)
    }
  }

  private func start(_ state: inout State) {
    switch state.wanted {
    case .none: return
    case .line: startLine(&state)
    case .msi: startMessages(.msi, count: state.settings.msi?.count ?? 0, &state)
    case .msix: startMessages(.msix, count: entryCount, &state)
    }
  }

  /// VFIO masks the line when it signals. KVM holds the line until the guest ends the interrupt, and then has VFIO unmask it.
  private func startLine(_ state: inout State) {
    guard let gsi = state.gsi else { return }
    attempt("interrupt line") { () throws(Errno) in
      let line = if let made = state.line { made } else { try Line() }
      state.line = line
      // Of an interrupt that was in flight when the line was turned off.
      line.trigger.drain()
      line.acknowledgement.drain()
      try lines.addLevelRoute(
        gsi, trigger: line.trigger.rawValue, acknowledgement: line.acknowledgement.rawValue)
      state.mode = .line
      try device.setInterrupts(.line, start: 0, events: [line.trigger.rawValue])
      try device.setUnmasking(line.acknowledgement.rawValue)
    }
  }

  /// Turns messages on in the device; its vectors get their eventfds when the guest unmasks them.
  private func startMessages(_ kind: VFIODevice.Interrupt, count wanted: Int, _ state: inout State) {
    var count = min(wanted, device.count(of: kind))
    guard count > 0 else { return }
    attempt("messages") { () throws(Errno) in
      let none = [Int32](repeating: -1, count: count)
      let available = try device.setInterrupts(kind, start: 0, events: none)
      if available > 0, available < count {
        log.warn("the host has \(available) interrupts for the device's \(count)")
        count = available
        try device.setInterrupts(kind, start: 0, events: Array(none.prefix(count)))
      }
      state.mode = kind
      state.vectors = [Vector?](repeating: nil, count: count)
    }
  }

  // MARK: Vectors

  /// The message of a vector that may interrupt; nil for one that is masked.
  private func message(_ state: State, _ index: Int) -> InterruptMessage? {
    if state.mode == .msix {
      guard index < entryCount, !state.settings.isMSIXMasked, !state.entries[index].isMasked else {
        return nil
      }
      return InterruptMessage(address: state.entries[index].address, data: state.entries[index].data)
    }
    guard let msi = state.settings.msi, index < msi.count, msi.mask & 1 << UInt32(index) == 0 else {
      return nil
    }
    // The device replaces the lowest bits (§6.8.1.3).
    let data = msi.message.data & ~UInt32(msi.count - 1) | UInt32(index)
    return InterruptMessage(address: msi.message.address, data: data)
  }

  private func apply(_ state: inout State, _ index: Int) {
    guard let message = message(state, index) else {
      guard state.vectors[index]?.isLive == true else { return }
      state.vectors[index]?.vector.setDeliverable(false)
      state.vectors[index]?.isLive = false
      return
    }
    let kind: VFIODevice.Interrupt = state.mode == .msix ? .msix : .msi
    attempt("vector \(index)") { () throws(Errno) in
      if let known = state.vectors[index] {
        // An address outside the interrupt window is the guest's mistake: the vector keeps its old message or none.
        try known.vector.setMessage(message)
        if !known.isLive { known.vector.setDeliverable(true) }
        state.vectors[index]?.isLive = true
      } else {
        let vector = try MSIXVector(router: messages, isShared: true)
        try vector.setMessage(message)
        try device.setInterrupts(kind, start: index, events: [vector.eventDescriptor])
        state.vectors[index] = Vector(vector: vector, isLive: true)
      }
    }
  }

  private func attempt(_ what: String, _ body: () throws(Errno) -> Void) {
    do throws(Errno) { try body() } catch { log.warn("\(what): \(error)") }
  }
}

/// Connects an eventfd with a level-triggered interrupt line (irqfd with resampling on KVM; a recorder in tests).
protocol LevelInterruptRouter: AnyObject, Sendable {
  /// Lets `trigger` assert line `gsi`. When the guest ends the interrupt, the line falls and `acknowledgement` is signalled.
  func addLevelRoute(_ gsi: UInt32, trigger: Int32, acknowledgement: Int32) throws(Errno)

  /// Undoes ``addLevelRoute(_:trigger:acknowledgement:)``; the line falls.
  func removeLevelRoute(_ gsi: UInt32, trigger: Int32)
}
