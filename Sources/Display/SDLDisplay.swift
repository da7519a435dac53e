import HostSystem
public import Hypervisor
import Synchronization
import SystemPackage

/// A window of SDL's for a guest's frame buffer, with a thread of its own.
///
/// One thread owns it: it opens the window before the process gives up the right to do so, starts it with the guest's devices, and
/// stops it before the guest is shut down.
public final class SDLDisplay: Sendable {
  /// What the thread waits for after it has opened the window.
  private struct Start: Sendable {
    let frameBuffer: FrameBuffer
    let keyboard: KeyboardController
    let restrict: @Sendable () -> Void
    let closed: @Sendable () -> Void
  }

  private enum Phase: Sendable {
    case opening
    case open
    case failed(DisplayError)
    case started(Start)
    case ending
  }

  /// What the owner and the thread share.
  private final class Shared: Sendable {
    let phase = Mutex(Phase.opening)
    let shouldEnd = Atomic<Bool>(false)

    func current() -> Phase { phase.withLock { $0 } }
  }

  /// The keys that are held to give the pointer back: Ctrl, Alt and G.
  private static let releaseKey = KeyCode(0x34)
  private static let controlKeys: Set<KeyCode> = [KeyCode(0x14), KeyCode(0xE014)]
  private static let alternateKeys: Set<KeyCode> = [KeyCode(0x11), KeyCode(0xE011)]
  private static let frameMilliseconds: Int32 = 33
  private static let pauseNanoseconds: UInt64 = 1_000_000

  private let shared = Shared()
  private let thread: HostThread

  /// Loads SDL and opens a window.
  ///
  /// - Parameters:
  ///   - title: of the window.
  ///   - threadName: at most 15 bytes.
  public init(mode: VideoMode, title: String, threadName: String) throws(DisplayError) {
    _ = try SDLLibrary.shared()
    do throws(Errno) {
      // The window belongs to the thread that opens it. The thread restricts itself later.
      thread = try HostThread(name: threadName, cpus: nil) { [shared] in
        Self.run(shared, mode: mode, title: title)
      }
    } catch {
      throw .failed(call: "thread", error)
    }
    while true {
      switch shared.current() {
      case .opening: HostClock.sleep(nanoseconds: Self.pauseNanoseconds)
      case .failed(let error): throw error
      case .open, .started, .ending: return
      }
    }
  }

  deinit { shared.shouldEnd.store(true, ordering: .releasing) }

  /// Shows the frame buffer and takes input from now on. Once.
  ///
  /// - Parameters:
  ///   - restrict: the thread calls it first, to give up rights.
  ///   - closed: the thread calls it when the user closes the window.
  public func start(
    _ frameBuffer: FrameBuffer, keyboard: KeyboardController, restrict: @escaping @Sendable () -> Void,
    closed: @escaping @Sendable () -> Void
  ) {
    shared.phase.withLock {
      $0 = .started(
        Start(frameBuffer: frameBuffer, keyboard: keyboard, restrict: restrict, closed: closed))
    }
  }

  /// Closes the window, and waits for the thread's end. Twice does no harm.
  public func stop() {
    shared.shouldEnd.store(true, ordering: .releasing)
    thread.join()
  }

  // MARK: The thread

  private static func run(_ shared: Shared, mode: VideoMode, title: String) {
    let screen: SDLScreen
    do throws(DisplayError) { screen = try SDLScreen(mode, title: title) } catch {
      return shared.phase.withLock { $0 = .failed(error) }
    }
    shared.phase.withLock { $0 = .open }
    while !shared.shouldEnd.load(ordering: .acquiring) {
      if case .started(let start) = shared.current() {
        start.restrict()
        serve(screen, start, title: title) { shared.shouldEnd.load(ordering: .acquiring) }
        return shared.phase.withLock { $0 = .ending }
      }
      HostClock.sleep(nanoseconds: pauseNanoseconds)
    }
  }

  private static func serve(_ screen: SDLScreen, _ start: Start, title: String, shouldEnd: () -> Bool) {
    var input = DisplayInput(start.keyboard)
    var held: Set<KeyCode> = []
    var isGrabbed = false
    func grab(_ wanted: Bool) {
      guard wanted != isGrabbed else { return }
      isGrabbed = wanted
      screen.grabPointer(wanted)
      screen.setTitle(wanted ? "\(title) (Ctrl-Alt-G gives the mouse back)" : title)
    }
    var nextFrame: UInt64 = 0
    while !shouldEnd() {
      let event = screen.nextEvent(timeoutMilliseconds: frameMilliseconds)
      switch event {
      case .key(let key, let isDown):
        if isDown { held.insert(key) } else { held.remove(key) }
        if isDown, key == releaseKey, !held.isDisjoint(with: controlKeys),
          !held.isDisjoint(with: alternateKeys)
        {
          grab(false)
        } else {
          input.press(key, isDown: isDown)
        }
      case .pointer(let right, let down, let wheel, let buttons):
        if isGrabbed {
          input.move(right: right, down: down, wheel: wheel, buttons: buttons)
        } else if buttons != 0 {
          // The click that takes the pointer is not the guest's.
          grab(true)
        }
      case .exposed: screen.showAll()
      case .focusLost:
        input.releaseAll()
        held = []
        grab(false)
      case .closed: start.closed()
      case .other, nil: break
      }
      let now = HostClock.monotonicNanoseconds()
      if now >= nextFrame {
        // Fails only for a slot that is not there. Then the picture stays as it is.
        try? screen.show(start.frameBuffer)
        nextFrame = now + UInt64(frameMilliseconds) * 1_000_000
      }
    }
  }
}
