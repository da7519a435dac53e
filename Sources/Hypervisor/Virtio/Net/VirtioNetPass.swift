/// The end of a pass over a queue of a network device, which decides what starts the next pass.
enum VirtioNetPass {
  /// Maximum number of frames, and of buffers beside them, before other devices of the thread have their turn.
  static let frameLimit = 64
  static let bufferLimit = 1024

  case waitsForDriver
  case waitsForPort
  case hasMore
  /// The port is broken for good.
  case ended
}
