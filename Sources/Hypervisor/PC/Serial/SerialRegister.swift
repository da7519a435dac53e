/// The ports of a 16550A, by their offset from its base (PC16550D data sheet, table I).
///
/// Some have different meanings for reads and writes, and while the divisor latch is accessed.
enum SerialRegister: UInt64 {
  /// RBR for reads, THR for writes; DLL while the divisor latch is accessed.
  case data = 0
  /// IER; DLM while the divisor latch is accessed.
  case interruptEnable = 1
  /// IIR for reads, FCR for writes.
  case interruptIdentification = 2
  /// LCR.
  case lineControl = 3
  /// MCR.
  case modemControl = 4
  /// LSR; writes are for factory tests.
  case lineStatus = 5
  /// MSR; writes do nothing.
  case modemStatus = 6
  /// SCR: storage for the driver.
  case scratch = 7

  /// Bits of the IER (§8.6).
  enum InterruptEnable {
    static let receivedData: UInt8 = 0x01
    static let transmitterEmpty: UInt8 = 0x02
    static let lineStatus: UInt8 = 0x04
    static let modemStatus: UInt8 = 0x08
    static let implemented: UInt8 = 0x0F
  }

  /// Values of the IIR (§8.5).
  enum InterruptIdentification {
    static let modemStatus: UInt8 = 0x00
    static let none: UInt8 = 0x01
    static let transmitterEmpty: UInt8 = 0x02
    static let receivedData: UInt8 = 0x04
    static let lineStatus: UInt8 = 0x06
    static let timeout: UInt8 = 0x0C
    /// Added while the FIFOs are enabled.
    static let fifosEnabled: UInt8 = 0xC0
  }

  /// Bits of the FCR (§8.4).
  enum FIFOControl {
    static let enable: UInt8 = 0x01
    static let resetReceiver: UInt8 = 0x02
    static let resetTransmitter: UInt8 = 0x04
    /// The receive FIFO's trigger levels, by the two upper bits.
    static let triggerLevels = [1, 4, 8, 14]
  }

  /// Bits of the LCR (§8.1).
  enum LineControl {
    static let divisorLatchAccess: UInt8 = 0x80
  }

  /// Bits of the MCR (§8.7).
  enum ModemControl {
    static let dataTerminalReady: UInt8 = 0x01
    static let requestToSend: UInt8 = 0x02
    static let output1: UInt8 = 0x04
    static let output2: UInt8 = 0x08
    static let loopback: UInt8 = 0x10
    static let implemented: UInt8 = 0x1F
  }

  /// Bits of the LSR (§8.3).
  enum LineStatus {
    static let dataReady: UInt8 = 0x01
    static let overrun: UInt8 = 0x02
    static let breakInterrupt: UInt8 = 0x10
    static let holdingRegisterEmpty: UInt8 = 0x20
    static let transmitterEmpty: UInt8 = 0x40
    static let errorInFIFO: UInt8 = 0x80
  }

  /// Bits of the MSR (§8.8); the lower four say which of the upper ones changed since the last read.
  enum ModemStatus {
    static let clearToSend: UInt8 = 0x10
    static let dataSetReady: UInt8 = 0x20
    static let ringIndicator: UInt8 = 0x40
    static let carrierDetect: UInt8 = 0x80
    static let changes: UInt8 = 0x0F
    /// Reports the end of a ring, not its start.
    static let ringEnded: UInt8 = 0x04
  }
}
