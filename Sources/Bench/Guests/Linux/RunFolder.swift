import Foundation
import GuestInit
import Hypervisor
import SystemPackage

/// A folder for one boot: the guests' root, and for each guest what it shares with the host. It goes with its last user.
final class RunFolder {
  /// Where it is.
  let path: String
  /// The root of all guests: directories of its own, and links to the host's.
  let root: GuestRootDirectory
  /// The guests' init, which the initial RAM disk has as well.
  let initProgram = GuestInitImage.bytes()

  /// Makes the folder, for `guestCount` guests.
  init(guestCount: Int) throws {
    path = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)").path
    do {
      for index in 0..<guestCount {
        try FileManager.default.createDirectory(
          atPath: Self.share(path, index), withIntermediateDirectories: true)
      }
      root = try GuestRootDirectory.create(name: "root", in: path, initProgram: initProgram)
    } catch {
      try? FileManager.default.removeItem(atPath: path)
      throw BenchFailure("cannot make the guests' files in \(path): \(error)", exitCode: .cannotCreate)
    }
  }

  deinit {
    // What the guests left in it is in the way of nobody.
    try? FileManager.default.removeItem(atPath: path)
  }

  /// What guest `index` and the host share.
  func share(guest index: Int) -> String { Self.share(path, index) }
  /// Where guest `index`'s console goes.
  func console(guest index: Int) -> String { "\(path)/console\(index)" }

  /// Where guest `index`'s initial RAM disk is, for a VMM that wants a file.
  func initrd(guest index: Int) -> String { "\(path)/initrd\(index)" }
  /// Where the messages of guest `index`'s VMM go, if that is a program of its own.
  func errors(guest index: Int) -> String { "\(path)/errors\(index)" }

  private static func share(_ path: String, _ index: Int) -> String { "\(path)/share\(index)" }
}
