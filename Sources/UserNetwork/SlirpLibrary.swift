import CSlirp
import Synchronization

/// libslirp, loaded when the first network in user space needs it, and never unloaded.
@safe
final class SlirpLibrary: Sendable {
  // SAFETY: `cslirp_load` fills in every function pointer or returns a reason; the library is never unloaded, so that they stay valid.
  private static let loaded = Result<SlirpLibrary, UserNetworkError> { () throws(UserNetworkError) in
    try SlirpLibrary(fileName: UserNetwork.libraryName)
  }

  private let functions: cslirp_functions
  /// libslirp keeps its clock and what it knows of the host's name servers in globals, which its instances share.
  private let lock = Mutex<Void>(())

  /// The library of this process. Any thread.
  static func shared() throws(UserNetworkError) -> SlirpLibrary { try loaded.get() }

  /// Loads the library in the file named, which is looked for where dlopen(3) does.
  init(fileName: String) throws(UserNetworkError) {
    var functions = cslirp_functions()
    if let reason = unsafe cslirp_load(fileName, &functions) {
      throw .noLibrary(unsafe String(cString: reason))
    }
    self.functions = functions
  }

  /// Runs `body` with the library's functions, for one thread at a time. `body` must not sleep.
  func withFunctions<R>(_ body: (cslirp_functions) -> R) -> R {
    lock.withLock { _ in body(functions) }
  }
}
