public import SystemPackage

/// The reason why a guest's root or its initramfs cannot be made.
public enum GuestRootError: Error, Equatable, CustomStringConvertible, Sendable {
  /// A root directory's name is empty, has a slash, or starts with a dot.
  case badName(String)
  /// A root directory of this name exists already.
  case alreadyExists(path: String)
  /// A directory, link or file of the root could not be made.
  case cannotCreate(path: String, Errno)
  /// A file for the initramfs could not be read.
  case cannotRead(path: String, Errno)
  /// A file changed its size while the initramfs was made.
  case changedWhileRead(path: String)
  /// The initramfs format has no room for a file of this size.
  case tooLarge(path: String, byteCount: Int)
  /// The kernel's modules are not installed.
  case noModules(release: String, path: String)
  /// The module is neither built into the kernel nor installed as a file.
  case missingModule(name: String, purpose: String, release: String)
  /// The module's file is compressed in an unknown way.
  case compressedModule(path: String)
  /// The library that decompresses a module is not installed.
  case noLibrary(String, forModule: String)
  /// A compressed module that does not decompress.
  case damagedModule(path: String)
  /// None of the candidate paths has a kernel.
  case noKernel(candidates: [String])
  /// An argument, a variable or a path contains a zero byte.
  case zeroByte(in: String)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .badName(let name): "root \"\(name)\": a name has no slash and does not start with a dot"
    case .alreadyExists(let path): "root \(path): already exists"
    case .cannotCreate(let path, let errno): "\(path): cannot create: \(errno)"
    case .cannotRead(let path, let errno): "\(path): cannot read: \(errno)"
    case .changedWhileRead(let path): "\(path): changed while it was read"
    case .tooLarge(let path, let byteCount): "\(path): \(byteCount) bytes do not fit into an initramfs"
    case .noModules(let release, let path):
      "no modules of kernel \(release): \(path) is missing; install its package or pass --initrd"
    case .missingModule(let name, let purpose, let release):
      "kernel \(release) has no module \(name), which the guest needs for \(purpose)"
    case .compressedModule(let path): "\(path): compressed in a way that is not known here; pass --initrd"
    case .noLibrary(let name, let path): "\(path): \(name), which decompresses it, is not installed"
    case .damagedModule(let path): "\(path): damaged: it does not decompress"
    case .noKernel(let candidates): "none of \(candidates.joined(separator: ", ")) exists; name a kernel"
    case .zeroByte(let text): "the \(text) contains a zero byte, which cannot be passed to a program"
    }
  }
}
