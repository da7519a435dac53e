/// The registers of a 16550A, as its driver names them.
enum UART {
  static let data: UInt64 = 0
  static let interruptEnable: UInt64 = 1
  static let interruptIdentification: UInt64 = 2
  static let fifoControl: UInt64 = 2
  static let lineControl: UInt64 = 3
  static let modemControl: UInt64 = 4
  static let lineStatus: UInt64 = 5
  static let modemStatus: UInt64 = 6
  static let scratch: UInt64 = 7
}
