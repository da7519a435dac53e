import Foundation

/// A pseudo-terminal: `device` is for the program, `controller` for who sits in front of it.
final class PseudoTerminal: Sendable {
  let controller: FileHandle
  let device: FileHandle

  init() throws {
    controller = FileHandle(
      fileDescriptor: try Self.open("/dev/ptmx"), closeOnDealloc: true)
    // <asm-generic/ioctls.h>: TIOCSPTLCK and TIOCGPTN, which the Glibc module lacks.
    var (isLocked, number): (Int32, Int32) = (0, 0)
    guard unsafe ioctl(controller.fileDescriptor, 0x4004_5431, &isLocked) == 0,
      unsafe ioctl(controller.fileDescriptor, 0x8004_5430, &number) == 0
    else { throw TestFailure("no pseudo-terminal: errno \(errno)") }
    device = FileHandle(fileDescriptor: try Self.open("/dev/pts/\(number)"), closeOnDealloc: true)
  }

  /// Whether what is typed goes to the program at once and unchanged, as lkvm wants it.
  var isRaw: Bool {
    var settings = termios()
    guard unsafe tcgetattr(device.fileDescriptor, &settings) == 0 else { return false }
    return settings.c_lflag & UInt32(ICANON | ECHO | ISIG) == 0
  }

  private static func open(_ path: String) throws -> Int32 {
    let descriptor = unsafe Foundation.open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard descriptor >= 0 else { throw TestFailure("\(path): errno \(errno)") }
    return descriptor
  }
}
