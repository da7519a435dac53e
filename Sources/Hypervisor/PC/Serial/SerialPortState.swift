/// The registers and FIFOs of a 16550A: a pure value without effects, which ``SerialPort`` carries out.
struct SerialPortState: Sendable {
  private typealias InterruptEnable = SerialRegister.InterruptEnable
  private typealias InterruptIdentification = SerialRegister.InterruptIdentification
  private typealias FIFOControl = SerialRegister.FIFOControl
  private typealias LineStatus = SerialRegister.LineStatus
  private typealias ModemControl = SerialRegister.ModemControl
  private typealias ModemStatus = SerialRegister.ModemStatus

  static let fifoCapacity = 16
  /// Maximum number of injected characters that wait for room.
  static let injectionLimit = 64

  private var interruptEnable: UInt8 = 0
  private var lineControl: UInt8 = 0
  private var modemControl: UInt8 = 0
  private var scratch: UInt8 = 0
  private var divisor: (low: UInt8, high: UInt8) = (0, 0)
  private var areFIFOsEnabled = false
  private var triggerLevel = 1
  private var received: [SerialCharacter] = []
  private var hasOverrun = false
  /// Characters that are delivered before all others, when there is room.
  private var injected: [SerialCharacter] = []
  /// The MSR's upper half at the last update, and the changes since the driver read it.
  private var modemStatus = ModemStatus.carrierDetect | ModemStatus.dataSetReady | ModemStatus.clearToSend
  private var isTransmitterInterruptPending = false
  private var isTransmitterInterruptAcknowledged = false
  private var sourceWaits = false

  /// Whether the other end sends only while a driver takes input.
  private let awaitsDriver: Bool

  init(awaitsDriver: Bool = false) { self.awaitsDriver = awaitsDriver }

  /// The transmit FIFO.
  private(set) var waitingToTransmit: [UInt8] = []
  /// The current level of the interrupt line.
  var isLineActive = false

  private var capacity: Int { areFIFOsEnabled ? Self.fifoCapacity : 1 }
  private var isLoopback: Bool { modemControl & ModemControl.loopback != 0 }
  /// Whether a driver takes input: OUT2 enables a PC's interrupts, and RTS asks the other end to send.
  private var isListening: Bool {
    let lines = ModemControl.output2 | ModemControl.requestToSend
    return modemControl & lines == lines && interruptEnable & InterruptEnable.receivedData != 0
  }
  private var isDivisorAccessed: Bool { lineControl & SerialRegister.LineControl.divisorLatchAccess != 0 }

  // MARK: The guest's side

  mutating func read(_ register: SerialRegister) -> UInt8 {
    switch register {
    case .data: isDivisorAccessed ? divisor.low : takeReceived()
    case .interruptEnable: isDivisorAccessed ? divisor.high : interruptEnable
    case .interruptIdentification: takeIdentification()
    case .lineControl: lineControl
    case .modemControl: modemControl
    case .lineStatus: takeLineStatus()
    case .modemStatus: takeModemStatus()
    case .scratch: scratch
    }
  }

  mutating func write(_ register: SerialRegister, _ value: UInt8) {
    switch register {
    case .data where isDivisorAccessed: divisor.low = value
    case .data: transmit(value)
    case .interruptEnable where isDivisorAccessed: divisor.high = value
    case .interruptEnable: setInterruptEnable(value & InterruptEnable.implemented)
    case .interruptIdentification: setFIFOControl(value)
    case .lineControl: lineControl = value
    case .modemControl:
      modemControl = value & ModemControl.implemented
      updateModemStatus()
    case .lineStatus, .modemStatus: break
    case .scratch: scratch = value
    }
  }

  /// The IIR's value for the most urgent enabled interrupt; nil without one (§8.5).
  var pendingInterrupt: UInt8? {
    if interruptEnable & InterruptEnable.lineStatus != 0, hasOverrun || received.first?.isBreak == true {
      return InterruptIdentification.lineStatus
    }
    if interruptEnable & InterruptEnable.receivedData != 0, !received.isEmpty {
      return !areFIFOsEnabled || received.count >= triggerLevel
        ? InterruptIdentification.receivedData : InterruptIdentification.timeout
    }
    if interruptEnable & InterruptEnable.transmitterEmpty != 0, isTransmitterInterruptPending {
      return InterruptIdentification.transmitterEmpty
    }
    if interruptEnable & InterruptEnable.modemStatus != 0, modemStatus & ModemStatus.changes != 0 {
      return InterruptIdentification.modemStatus
    }
    return nil
  }

  /// Whether the transmitter's interrupt was acknowledged since the last call, even if it is pending again.
  mutating func takeAcknowledgement() -> Bool {
    defer { isTransmitterInterruptAcknowledged = false }
    return isTransmitterInterruptAcknowledged
  }

  private mutating func takeReceived() -> UInt8 {
    guard !received.isEmpty else { return 0 }
    defer { moveInjected() }
    return received.removeFirst().byte
  }

  private mutating func takeIdentification() -> UInt8 {
    let cause = pendingInterrupt
    // A read of the IIR acknowledges only this cause.
    if cause == InterruptIdentification.transmitterEmpty { isTransmitterInterruptPending = false }
    return (cause ?? InterruptIdentification.none)
      | (areFIFOsEnabled ? InterruptIdentification.fifosEnabled : 0)
  }

  private mutating func takeLineStatus() -> UInt8 {
    var status: UInt8 = 0
    if !received.isEmpty { status |= LineStatus.dataReady }
    if hasOverrun { status |= LineStatus.overrun }
    if received.first?.isBreak == true { status |= LineStatus.breakInterrupt }
    if areFIFOsEnabled, received.contains(where: \.isBreak) { status |= LineStatus.errorInFIFO }
    if waitingToTransmit.isEmpty { status |= LineStatus.holdingRegisterEmpty | LineStatus.transmitterEmpty }
    hasOverrun = false
    if !received.isEmpty { received[0].isBreak = false }
    return status
  }

  private mutating func takeModemStatus() -> UInt8 {
    defer { modemStatus &= ~ModemStatus.changes }
    return modemStatus
  }

  private mutating func setInterruptEnable(_ value: UInt8) {
    let enabled = value & ~interruptEnable
    interruptEnable = value
    // Enabling it while the transmitter is empty raises it, even if it was acknowledged before.
    if enabled & InterruptEnable.transmitterEmpty != 0, waitingToTransmit.isEmpty {
      isTransmitterInterruptPending = true
    }
  }

  private mutating func setFIFOControl(_ value: UInt8) {
    let enables = value & FIFOControl.enable != 0
    let changes = enables != areFIFOsEnabled
    areFIFOsEnabled = enables
    if changes || enables && value & FIFOControl.resetReceiver != 0 {
      received = []
      hasOverrun = false
      moveInjected()
    }
    if changes || enables && value & FIFOControl.resetTransmitter != 0 {
      transmitted(waitingToTransmit.count)
    }
    if enables { triggerLevel = FIFOControl.triggerLevels[Int(value >> 6)] }
  }

  private mutating func transmit(_ byte: UInt8) {
    if isTransmitterInterruptPending { isTransmitterInterruptAcknowledged = true }
    isTransmitterInterruptPending = false
    if isLoopback {
      if received.count < capacity {
        received.append(SerialCharacter(byte: byte))
      } else {
        hasOverrun = true
      }
      isTransmitterInterruptPending = true
    } else if waitingToTransmit.count < capacity {
      waitingToTransmit.append(byte)
    }
  }

  /// Compares the modem's lines, which in loopback are the port's own outputs, with the last update (§8.8).
  private mutating func updateModemStatus() {
    var lines = ModemStatus.carrierDetect | ModemStatus.dataSetReady | ModemStatus.clearToSend
    if isLoopback {
      lines = 0
      if modemControl & ModemControl.requestToSend != 0 { lines |= ModemStatus.clearToSend }
      if modemControl & ModemControl.dataTerminalReady != 0 { lines |= ModemStatus.dataSetReady }
      if modemControl & ModemControl.output1 != 0 { lines |= ModemStatus.ringIndicator }
      if modemControl & ModemControl.output2 != 0 { lines |= ModemStatus.carrierDetect }
    }
    var changes = (modemStatus ^ lines) >> 4
    if lines & ModemStatus.ringIndicator != 0 { changes &= ~ModemStatus.ringEnded }
    modemStatus = lines | modemStatus & ModemStatus.changes | changes
  }

  // MARK: The line's side

  /// Takes as many characters as there is room for, and returns their number.
  mutating func receive(_ bytes: [UInt8]) -> Int {
    let isClosed = isLoopback || (awaitsDriver && !isListening)
    let room = isClosed || !injected.isEmpty ? 0 : max(0, capacity - received.count)
    let count = min(room, bytes.count)
    received += bytes.prefix(count).map { SerialCharacter(byte: $0) }
    if count < bytes.count { sourceWaits = true }
    return count
  }

  /// Whether to tell a waiting source that there is room: once, and not for a single character.
  mutating func takeRoomToTell() -> Bool {
    guard sourceWaits, !isLoopback, !awaitsDriver || isListening, injected.isEmpty,
      received.count <= capacity / 2
    else { return false }
    sourceWaits = false
    return true
  }

  /// Queues characters before all others.
  ///
  /// - Returns: false, with no change, if too many are waiting.
  mutating func inject(_ characters: [SerialCharacter]) -> Bool {
    guard injected.count + characters.count <= Self.injectionLimit else { return false }
    injected += characters
    moveInjected()
    return true
  }

  /// Removes the first `byteCount` bytes of the transmit FIFO.
  mutating func transmitted(_ byteCount: Int) {
    guard !waitingToTransmit.isEmpty else { return }
    waitingToTransmit.removeFirst(min(max(0, byteCount), waitingToTransmit.count))
    if waitingToTransmit.isEmpty { isTransmitterInterruptPending = true }
  }

  private mutating func moveInjected() {
    while let first = injected.first, received.count < capacity {
      received.append(first)
      injected.removeFirst()
    }
  }
}

/// A character in the receive FIFO, with the line's state.
struct SerialCharacter: Hashable, Sendable {
  /// The character; 0 for a break.
  var byte: UInt8
  /// Whether it is a break that LSR has not reported yet.
  var isBreak = false
}
