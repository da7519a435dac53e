import Glibc
import Hypervisor
import SystemPackage
import Testing

/// What a share can be made of.
@Suite struct NinePShareTests {
  private let directory = NinePTemporaryDirectory()

  private func error(path: String? = nil, tag: String = "tag") -> NinePShareError? {
    do throws(NinePShareError) {
      _ = try NinePShare(path: path ?? directory.path, tag: tag, readOnly: false)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a share is a directory with a tag`() {
    directory.write("file", "")
    directory.link("link", to: directory.path)
    let (file, none, link) = (directory.path("file"), directory.path("none"), directory.path("link"))
    #expect(error() == nil)
    #expect(error(path: link) == nil)
    #expect(error(path: file) == .notADirectory(path: file))
    #expect(error(path: none) == .cannotOpen(path: none, .noSuchFileOrDirectory))
    #expect(error(tag: "") == .invalidTag(""))
    #expect(error(tag: "a\0b") == .invalidTag("a\0b"))
    let long = String(repeating: "x", count: 256)
    #expect(error(tag: long) == .invalidTag(long))
    #expect(error(tag: String(long.dropLast())) == nil)
  }

  @Test func `an error is one line that names the directory`() {
    let errors: [NinePShareError] = [
      .invalidTag(""), .cannotOpen(path: "/x", .permissionDenied), .notADirectory(path: "/x"),
      .isProcessFileSystem(path: "/x"), .cannotConfine(path: "/x", .noFunction),
      .noProcessFileSystem(.noSuchFileOrDirectory),
    ]
    for error in errors {
      #expect(error.description.hasPrefix("9p"))
      #expect(!error.description.contains("\n"))
    }
  }
}
