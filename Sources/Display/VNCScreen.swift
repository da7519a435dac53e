import CVNC
import HostSystem
import Hypervisor
import SystemPackage

/// The picture that a guest's screen shows, and libvncserver's server of it. One thread at a time.
///
/// The library reads the picture and never guest memory, because a guest that changed pixels while the library encodes them could
/// lead its encoders astray.
@safe
final class VNCScreen: @unchecked Sendable {
  // SAFETY: `picture` has the bytes of `mode` until `deinit`, which closes the server first. The server calls back during calls of
  // this object's methods and of `deinit` alone, while the object lives.
  private let mode: VideoMode
  private let picture: UnsafeMutableRawPointer
  private var server: UnsafeMutablePointer<cvnc_server>?
  private var input: DisplayInput?
  private var endedClients: [UInt64] = []

  /// How long a client may stop in the middle of a message before its connection ends.
  private static let timeoutMilliseconds: Int32 = 2000

  /// Makes a server for a picture that is black.
  ///
  /// - Parameters:
  ///   - name: what viewers show.
  ///   - password: at most ``VNCConfiguration/passwordByteCount`` bytes, none of them zero; nil for none.
  init(_ mode: VideoMode, name: String, password: [UInt8]?) throws(DisplayError) {
    let library = try VNCLibrary.shared()
    self.mode = mode
    unsafe picture = .allocate(byteCount: mode.byteCount, alignment: 4096)
    unsafe picture.initializeMemory(as: UInt8.self, repeating: 0, count: mode.byteCount)
    var functions = library.functions
    var events = unsafe cvnc_events(
      context: Unmanaged.passUnretained(self).toOpaque(),
      key: { context, isDown, symbol in
        unsafe VNCScreen.of(context).input?.key(symbol: symbol, isDown: isDown != 0)
      },
      pointer: { context, buttons, x, y in
        unsafe VNCScreen.of(context).input?.pointer(x: x, y: y, buttons: buttons)
      },
      gone: { context, client in unsafe VNCScreen.of(context).endedClients.append(client) })
    let text = password.map { $0.map { CChar(bitPattern: $0) } + [0] }
    unsafe server = cvnc_open(
      &functions, &events, picture, Int32(clamping: mode.width), Int32(clamping: mode.height), name, text,
      Self.timeoutMilliseconds)
    guard unsafe server != nil else {
      throw .libraryFailed("libvncserver", reason: "a server could not be made")
    }
  }

  deinit {
    unsafe cvnc_close(server)
    unsafe picture.deallocate()
  }

  /// Passes the input of clients to `keyboard` from now on.
  func connect(to keyboard: KeyboardController) { input = DisplayInput(keyboard) }

  /// Takes over the connection of client `number`, a nonblocking socket.
  ///
  /// - Returns: false if the connection has ended already.
  func add(_ connection: consuming OwnedDescriptor, number: UInt64) -> Bool {
    guard let server = unsafe server else { return false }
    return unsafe cvnc_add_client(server, connection.release(), number) == 0
  }

  /// Copies what the guest has changed on the screen, for the next updates of clients.
  func show(_ frameBuffer: FrameBuffer) throws(Errno) {
    guard let server = unsafe server else { return }
    let target = unsafe IOVector(base: picture, byteCount: mode.byteCount)
    for rows in try frameBuffer.copyChanges(to: target) {
      unsafe cvnc_mark_rows(server, Int32(clamping: rows.lowerBound), Int32(clamping: rows.upperBound))
    }
  }

  /// Handles a message of each client that has sent one, and sends updates. Waits for a client that stops in the middle of a message.
  ///
  /// - Returns: the clients whose connections have ended.
  func process() -> [UInt64] {
    guard let server = unsafe server else { return [] }
    unsafe cvnc_process(server)
    defer { endedClients = [] }
    // Nobody else releases what a viewer held when it went.
    if !endedClients.isEmpty { input?.releaseAll() }
    return endedClients
  }

  /// The object behind a callback's context.
  private static func of(_ context: UnsafeMutableRawPointer?) -> VNCScreen {
    guard let context = unsafe context else { preconditionFailure("libvncserver hands back the context") }
    return unsafe Unmanaged<VNCScreen>.fromOpaque(context).takeUnretainedValue()
  }
}
