import CVNC

/// libvncserver, loaded when the first VNC server needs it, and never unloaded.
@safe
final class VNCLibrary: Sendable {
  // SAFETY: `cvnc_load` fills in every function pointer or returns a reason; the library is never unloaded, so that they stay valid.
  private static let fileName = "libvncserver.so.1"
  private static let loaded = Result<VNCLibrary, DisplayError> { () throws(DisplayError) in
    try VNCLibrary(fileName: fileName)
  }

  let functions: cvnc_functions

  /// The library of this process. Any thread.
  static func shared() throws(DisplayError) -> VNCLibrary { try loaded.get() }

  /// Loads the library in the file named, which is looked for where dlopen(3) does.
  init(fileName: String) throws(DisplayError) {
    var functions = cvnc_functions()
    if let reason = unsafe cvnc_load(fileName, &functions) {
      throw .noLibrary("libvncserver", package: "libvncserver1", reason: unsafe String(cString: reason))
    }
    self.functions = functions
  }
}
