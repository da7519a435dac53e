import CSDL
import HostSystem
import Hypervisor
import SystemPackage

/// The picture that a guest's screen shows, in a window of SDL's. The thread that makes it.
@safe
final class SDLScreen {
  /// What happened in the window.
  enum Event: Equatable {
    case key(KeyCode, isDown: Bool)
    case pointer(right: Int32, down: Int32, wheel: Int32, buttons: UInt32)
    case exposed
    case focusLost
    case closed
    case other
  }

  // SAFETY: `picture` has the bytes of `mode` until `deinit`, which closes the window first.
  private let mode: VideoMode
  private let picture: UnsafeMutableRawPointer
  private var window: UnsafeMutablePointer<csdl_window>?

  /// Opens a window that is black.
  init(_ mode: VideoMode, title: String) throws(DisplayError) {
    let library = try SDLLibrary.shared()
    self.mode = mode
    unsafe picture = .allocate(byteCount: mode.byteCount, alignment: 4096)
    unsafe picture.initializeMemory(as: UInt8.self, repeating: 0, count: mode.byteCount)
    var functions = library.functions
    unsafe window = csdl_open(
      &functions, picture, Int32(clamping: mode.width), Int32(clamping: mode.height), title)
    guard unsafe window != nil else { throw .libraryFailed("SDL", reason: library.lastError) }
  }

  deinit {
    unsafe csdl_close(window)
    unsafe picture.deallocate()
  }

  /// Copies what the guest has changed on the screen, and shows it.
  func show(_ frameBuffer: FrameBuffer) throws(Errno) {
    let target = unsafe IOVector(base: picture, byteCount: mode.byteCount)
    for rows in try frameBuffer.copyChanges(to: target) { show(rows) }
  }

  /// Shows rows of the picture.
  func show(_ rows: Range<Int>) {
    guard let window = unsafe window else { return }
    unsafe csdl_show_rows(window, Int32(clamping: rows.lowerBound), Int32(clamping: rows.upperBound))
  }

  /// Shows all of the picture.
  func showAll() { show(0..<mode.height) }

  /// Sets the title.
  func setTitle(_ title: String) {
    guard let window = unsafe window else { return }
    unsafe csdl_set_title(window, title)
  }

  /// Gives the pointer to the window, or back.
  func grabPointer(_ isGrabbed: Bool) {
    guard let window = unsafe window else { return }
    unsafe csdl_grab_pointer(window, isGrabbed ? 1 : 0)
  }

  /// Waits for an event; nil if none comes in time.
  func nextEvent(timeoutMilliseconds: Int32) -> Event? {
    guard let window = unsafe window else { return nil }
    let event = unsafe csdl_next(window, timeoutMilliseconds)
    switch event.kind {
    case CSDL_NOTHING: return nil
    case CSDL_KEY_DOWN, CSDL_KEY_UP:
      guard let key = KeyUsages.key(for: event.code) else { return .other }
      return .key(key, isDown: event.kind == CSDL_KEY_DOWN)
    case CSDL_POINTER:
      return .pointer(right: event.right, down: event.down, wheel: event.wheel, buttons: event.buttons)
    case CSDL_EXPOSED: return .exposed
    case CSDL_FOCUS_LOST: return .focusLost
    case CSDL_CLOSE: return .closed
    default: return .other
    }
  }
}
