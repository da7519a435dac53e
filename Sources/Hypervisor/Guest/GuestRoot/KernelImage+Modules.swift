import Glibc

extension KernelImage {
  /// Returns the files of the modules that a guest of this kernel needs for `kinds`, in an order of loading.
  ///
  /// A kernel without a release name or without a folder of modules is assumed to have everything built in.
  public func moduleFiles(for kinds: Set<GuestModuleKind>) throws(GuestRootError) -> [String] {
    guard let release = kernelRelease, unsafe access("/lib/modules/\(release)", R_OK) == 0 else {
      return []
    }
    return try KernelModules(release: release).files(for: kinds)
  }
}
