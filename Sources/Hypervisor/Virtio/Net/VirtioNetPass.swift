/// How a pass over a queue of a network device ended, and so what brings about the next one.
enum VirtioNetPass {
  /// The most frames, and the most buffers beside them, before other devices of the thread get their turn.
  static let frameLimit = 64
  static let bufferLimit = 1024

  case waitsForDriver
  case waitsForPort
  case hasMore
  /// The port is broken for good.
  case ended
}
