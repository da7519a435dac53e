import Glibc

extension KernelImage {
  /// The files of the modules that a guest of this kernel needs for `kinds`, in an order to load them in.
  ///
  /// A kernel that names no release, or one without a folder of modules, is taken to have everything built in.
  public func moduleFiles(for kinds: Set<GuestModuleKind>) throws(GuestRootError) -> [String] {
    guard let release = kernelRelease, unsafe access("/lib/modules/\(release)", R_OK) == 0 else {
      return []
    }
    return try KernelModules(release: release).files(for: kinds)
  }
}
