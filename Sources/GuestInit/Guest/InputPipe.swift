import CGuest

/// The command's standard input where lkvm's is no terminal: a pipe, into which a process writes what comes from the console
/// until lkvm says that its input has ended.
///
/// Three bytes are escapes on the way (`ConsoleInputCode` of Hypervisor): DLE and a byte stand for that byte with bit 6
/// inverted, DLE and D for the end.
struct InputPipe {
  private enum Code {
    static let escape: UInt8 = 0x10
    static let inverted: UInt8 = 0x40
    static let end = UInt8(ascii: "D")
  }

  private static let pieceByteCount = 4096

  private let readEnd: UInt64
  private let writeEnd: UInt64

  /// Whether the kernel's command line asks for it.
  static func isWanted(_ parameters: InitParameters) -> Bool {
    parameters.value("lkvm.input=").map { $0 == "pipe" } ?? false
  }

  /// A pipe that nobody writes yet.
  init() throws(Errno) {
    var ends: (Int32, Int32) = (-1, -1)
    _ = try unsafe withUnsafeMutablePointer(to: &ends) { pointer throws(Errno) in
      try Kernel.call(.pipe, UInt64(UInt(bitPattern: pointer)))
    }
    readEnd = UInt64(truncatingIfNeeded: ends.0)
    writeEnd = UInt64(truncatingIfNeeded: ends.1)
  }

  /// Starts the process that writes it. Standard input is the console.
  func startWriting() throws(Errno) {
    let child = try Kernel.call(.fork)
    guard child == 0 else { return Kernel.close(writeEnd) }
    // A session of its own has no terminal: it may read the console although the command is in the foreground.
    Kernel.attempt(.setsid)
    Kernel.close(readEnd)
    do throws(Errno) { try copy() } catch { report("cannot read the command's input: ", error.text) }
    exit(0)
  }

  /// Makes it the standard input of this process.
  func useAsStandardInput() {
    Kernel.attempt(.dup2, readEnd, 0)
    close()
  }

  /// The command alone reads it.
  func close() { Kernel.close(readEnd) }

  private func copy() throws(Errno) {
    var arena = InitArena()
    let (coded, plain) = unsafe (try arena.take(Self.pieceByteCount), try arena.take(Self.pieceByteCount))
    var isEscaped = false
    while true {
      let count = unsafe try Kernel.read(0, into: coded, byteCount: Self.pieceByteCount)
      if count == 0 { return }
      var plainCount = 0
      var hasEnded = false
      for index in 0..<count where !hasEnded {
        let byte = unsafe coded[index]
        if !isEscaped, byte == Code.escape {
          isEscaped = true
          continue
        }
        if isEscaped, byte == Code.end {
          hasEnded = true
        } else {
          unsafe plain[plainCount] = isEscaped ? byte ^ Code.inverted : byte
          plainCount += 1
        }
        isEscaped = false
      }
      unsafe try Kernel.write(writeEnd, Text(start: plain, count: plainCount))
      if hasEnded { return }
    }
  }
}
