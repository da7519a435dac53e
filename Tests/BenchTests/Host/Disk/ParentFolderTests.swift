import Testing

@testable import Bench

/// The folder of a path.
struct ParentFolderTests {
  @Test(
    arguments: [
      ("q", ""), ("rows.csv", ""), ("ä", ""), (".", ""), ("", ""), ("a/b", "a"), ("a/b/c.csv", "a/b"),
      ("./a", "."),
      ("../a", ".."), ("/a", "/"), ("/a/b", "/a"), ("/", "/"), ("a/", ""), ("a/b/", "a"), ("a//b", "a"),
    ])
  func `the folder of a name alone is empty, also if the name has one character`(path: String, folder: String)
  {
    #expect(path.parentFolder == folder)
  }
}
