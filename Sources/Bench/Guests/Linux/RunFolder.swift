import Foundation
import GuestInit
import Hypervisor
import SystemPackage

/// A folder for one boot: for each guest its root and what it shares with the host. It goes with its last user.
///
/// Only its owner enters it, because a guest chooses the mode and the owner of files in it. No guest reaches another's files.
final class RunFolder {
  /// Where it is.
  let path: String
  /// The root of each guest: directories of its own, and links to the host's.
  private let roots: [GuestRootDirectory]
  /// The guests' init, which the initial RAM disk has as well.
  let initProgram = GuestInitImage.bytes()

  /// Makes the folder, for `guestCount` guests.
  init(guestCount: Int) throws {
    path = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)").path
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
      for index in 0..<guestCount {
        try FileManager.default.createDirectory(
          atPath: Self.share(path, index), withIntermediateDirectories: false)
      }
      let (path, initProgram) = (path, initProgram)
      roots = try (0..<guestCount).map { index throws(GuestRootError) in
        try GuestRootDirectory.create(name: "root\(index)", in: path, initProgram: initProgram)
      }
    } catch {
      try? FileManager.default.removeItem(atPath: path)
      throw BenchFailure("cannot make the guests' files in \(path): \(error)", exitCode: .cannotCreate)
    }
  }

  deinit {
    // Files of guests that are left in it do no harm.
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The root of guest `index`.
  func root(guest index: Int) -> GuestRootDirectory { roots[index] }
  /// What guest `index` and the host share.
  func share(guest index: Int) -> String { Self.share(path, index) }
  /// Where guest `index`'s console goes.
  func console(guest index: Int) -> String { "\(path)/console\(index)" }

  /// Where guest `index`'s initial RAM disk is, for a VMM that wants a file.
  func initrd(guest index: Int) -> String { "\(path)/initrd\(index)" }
  /// Where the messages of guest `index`'s VMM go, if that is a program of its own.
  func errors(guest index: Int) -> String { "\(path)/errors\(index)" }

  /// Where the program that serves guest `index` listens.
  func socket(guest index: Int) -> String { "\(path)/socket\(index)" }

  private static func share(_ path: String, _ index: Int) -> String { "\(path)/share\(index)" }
}
