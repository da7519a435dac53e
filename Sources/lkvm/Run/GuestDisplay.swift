import Display
import HostSystem
import Hypervisor

/// What shows a guest's frame buffer and takes its input.
final class GuestDisplay {
  private enum Kind {
    case vnc(VNCServer)
    case sdl(SDLDisplay)
  }

  private let kind: Kind
  private let threadName: String

  /// Opens the display that the options ask for: nil if they ask for none. Called before the process gives up its rights.
  init?(_ options: RunSettings.Devices, mode: VideoMode?, guestName: String) throws(LkvmFailure) {
    guard let mode else { return nil }
    if options.sdl {
      threadName = "\(guestName.prefix(8))-sdl"
      do throws(DisplayError) {
        kind = .sdl(try SDLDisplay(mode: mode, title: guestName, threadName: threadName))
      } catch {
        throw LkvmFailure("--sdl: \(error)")
      }
    } else {
      threadName = "\(guestName.prefix(8))-vnc"
      kind = .vnc(try Self.openServer(options.vnc ?? VNCConfiguration(), mode: mode, guestName: guestName))
    }
  }

  private static func openServer(
    _ configuration: VNCConfiguration, mode: VideoMode, guestName: String
  ) throws(LkvmFailure) -> VNCServer {
    let server: VNCServer
    do throws(DisplayError) {
      server = try VNCServer(configuration, mode: mode, name: guestName)
    } catch {
      throw LkvmFailure("--vnc: \(error)")
    }
    if !configuration.isLocal, configuration.passwordFile == nil {
      StandardError.writeWarning(
        "--vnc: anyone who reaches \(server.address):\(server.port) controls the guest; give a password with password-file=FILE"
      )
    }
    StandardError.write("lkvm: VNC listens at \(server.address):\(server.port)\n")
    return server
  }

  /// Shows the guest's frame buffer from now on.
  ///
  /// - Parameter restrict: makes a thread that is older than the process's restrictions give up its rights.
  func start(_ guest: Guest, restrict: @escaping @Sendable () throws -> Void) throws(LkvmFailure) {
    guard let frameBuffer = guest.frameBuffer else { return }
    switch kind {
    case .vnc(let server):
      do throws(DisplayError) {
        try server.start(frameBuffer, keyboard: guest.keyboard, name: threadName)
      } catch {
        throw LkvmFailure("--vnc: \(error)")
      }
    case .sdl(let display):
      let end = guest.machine.endLatch
      display.start(
        frameBuffer, keyboard: guest.keyboard,
        restrict: {
          do { try restrict() } catch { end.end(.crashed("--sdl: \(error)")) }
        }, closed: { end.end(.stopped) })
    }
  }

  /// Ends the display.
  func stop() {
    switch kind {
    case .vnc(let server): server.stop()
    case .sdl(let display): display.stop()
    }
  }
}

extension RunSettings.Devices {
  /// The mode of the frame buffer; nil without anything that shows it.
  var displayMode: VideoMode? { vnc == nil && !sdl ? nil : videoMode ?? .standard }
}
