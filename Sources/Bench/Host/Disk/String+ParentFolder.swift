import SystemPackage

extension String {
  /// The folder of the file at this path; empty for a name without a folder.
  ///
  /// `NSString.deletingLastPathComponent` traps for a name of one character (Foundation of Swift 6.3), such as `--output q`.
  var parentFolder: String { FilePath(self).removingLastComponent().string }
}
