import CSDL

/// SDL 2, loaded when the first window needs it, and never unloaded.
@safe
final class SDLLibrary: Sendable {
  // SAFETY: `csdl_load` fills in every function pointer or returns a reason; the library is never unloaded, so that they stay valid.
  private static let fileName = "libSDL2-2.0.so.0"
  private static let loaded = Result<SDLLibrary, DisplayError> { () throws(DisplayError) in
    try SDLLibrary(fileName: fileName)
  }

  let functions: csdl_functions

  /// The library of this process. Any thread.
  static func shared() throws(DisplayError) -> SDLLibrary { try loaded.get() }

  /// Loads the library in the file named, which is looked for where dlopen(3) does.
  init(fileName: String) throws(DisplayError) {
    var functions = csdl_functions()
    if let reason = unsafe csdl_load(fileName, &functions) {
      throw .noLibrary("SDL 2", package: "libsdl2-2.0-0", reason: unsafe String(cString: reason))
    }
    self.functions = functions
  }

  /// What SDL says about the last failure of the calling thread.
  var lastError: String { unsafe functions.error().map { unsafe String(cString: $0) } ?? "" }
}
