import Foundation
import Glibc
import Hypervisor
import Testing

/// A guest's kernel keeps a fid for each file that it remembers; the process has few descriptors.
@Suite struct NinePDescriptorTests {
  private typealias T = NinePClient.T
  private static let rememberedFileCount =
    ProcessInfo.processInfo.environment["VEXT_NINEP_FILES"].flatMap(Int.init) ?? 5000
  private let directory = NinePTemporaryDirectory()

  private func client(descriptorLimit: Int) throws -> NinePClient {
    let share = try NinePShare(path: directory.path, tag: "test", readOnly: false)
    return try NinePClient(share, descriptorLimit: descriptorLimit)
  }

  /// This process's descriptors of files of the share.
  private var descriptorCount: Int {
    guard let stream = unsafe opendir("/proc/self/fd") else { return 0 }
    defer { unsafe _ = closedir(stream) }
    var count = 0
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      var target = [CChar](repeating: 0, count: 4096)
      let length = unsafe readlink("/proc/self/fd/\(name)", &target, target.count)
      let text = String(decoding: target.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if text.hasPrefix(directory.path) { count += 1 }
    }
    return count
  }

  @Test func `remembered files, by the thousand, take a few hundred descriptors, and all of them are there`()
    throws
  {
    let fileCount = 1000
    let folderCount = Self.rememberedFileCount / fileCount
    for folder in 0..<folderCount {
      directory.makeDirectory("d\(folder)")
      for file in 0..<fileCount { directory.write("d\(folder)/f\(file)", "") }
    }
    let client = try client(descriptorLimit: 4096)
    var inodes: [UInt32: UInt64] = [:]
    for folder in 0..<folderCount {
      let parent = try client.walk(["d\(folder)"])
      for file in 0..<fileCount {
        let fid = try client.walk(["f\(file)"], from: parent)
        inodes[fid] = try client.attributes(fid).qid.path
      }
    }
    #expect(descriptorCount <= 4096 / 16 + 2)
    for (fid, inode) in inodes { #expect(try client.attributes(fid).qid.path == inode) }
    #expect(descriptorCount <= 4096 / 16 + 2)
    for fid in inodes.keys { try client.clunk(fid) }
  }

  /// Walks `names`, and then other files until the descriptor is closed.
  private func walkAndForget(_ client: NinePClient, _ names: [String]) throws -> UInt32 {
    let fid = try client.walk(names)
    try forget(client)
    return fid
  }

  private func forget(_ client: NinePClient) throws {
    for index in 0..<40 {
      directory.write("other\(index)", "")
      _ = try client.walk(["other\(index)"])
    }
  }

  @Test func `a file that the guest has renamed, or whose directory it has, is found again`() throws {
    directory.makeDirectory("a")
    directory.makeDirectory("a/b")
    directory.write("a/b/file", "text")
    directory.write("a/b/other", "another")
    let client = try client(descriptorLimit: 256)
    let (top, folder) = (try client.walk(["a"]), try client.walk(["a", "b"]))
    let file = try walkAndForget(client, ["a", "b", "file"])
    _ = try client.call(T.renameat, NinePMessage().u32(0).string("a").u32(0).string("z"))
    try forget(client)
    _ = try client.call(T.renameat, NinePMessage().u32(folder).string("file").u32(top).string("moved"))
    try forget(client)
    #expect(directory.read("z/moved") == "text")
    _ = try client.call(T.lopen, NinePMessage().u32(file).u32(0))
    #expect(String(decoding: try client.read(file), as: UTF8.self) == "text")
    // By the fid alone.
    let other = try walkAndForget(client, ["z", "b", "other"])
    _ = try client.call(T.rename, NinePMessage().u32(other).u32(0).string("top"))
    try forget(client)
    #expect(try client.attributes(other).byteCount == 7)
    #expect(directory.read("top") == "another")
  }

  @Test func `a file whose name the guest has removed or replaced stays what it was`() throws {
    directory.write("removed", "12345")
    directory.write("replaced", "123")
    directory.write("new", "1")
    directory.makeDirectory("folder")
    let client = try client(descriptorLimit: 256)
    let removed = try walkAndForget(client, ["removed"])
    _ = try client.call(T.unlinkat, NinePMessage().u32(0).string("removed").u32(0))
    let replaced = try walkAndForget(client, ["replaced"])
    _ = try client.call(T.renameat, NinePMessage().u32(0).string("new").u32(0).string("replaced"))
    let folder = try walkAndForget(client, ["folder"])
    _ = try client.call(T.unlinkat, NinePMessage().u32(0).string("folder").u32(0x200))
    directory.write("removed", "another")
    try forget(client)
    #expect(try client.attributes(removed).byteCount == 5)
    #expect(try client.attributes(removed).linkCount == 0)
    #expect(try client.attributes(replaced).byteCount == 3)
    #expect(try client.attributes(folder).linkCount == 0)
    #expect(try client.attributes(try client.walk(["replaced"])).byteCount == 1)
    #expect(try client.attributes(try client.walk(["removed"])).byteCount == 7)
    // A name that is not removed after all.
    let kept = try walkAndForget(client, ["other1"])
    #expect(throws: NinePRefusal(ENOTDIR)) {
      try client.call(T.unlinkat, NinePMessage().u32(0).string("other1").u32(0x200))
    }
    try forget(client)
    #expect(try client.attributes(kept).linkCount == 1)
  }

  @Test func `what the host has put in the place of a file is not taken for it`() throws {
    directory.write("file", "old")
    directory.write("moved", "old")
    let client = try client(descriptorLimit: 256)
    let file = try client.walk(["file"])
    let moved = try walkAndForget(client, ["moved"])
    directory.write("draft", "new")
    #expect(unsafe rename(directory.path("draft"), directory.path("file")) == 0)
    #expect(unsafe rename(directory.path("moved"), directory.path("elsewhere")) == 0)
    for fid in [file, moved] {
      #expect(throws: NinePRefusal(ESTALE)) { try client.attributes(fid) }
      #expect(throws: NinePRefusal(ESTALE)) { try client.call(T.lopen, NinePMessage().u32(fid).u32(0)) }
    }
    try client.clunk(file)
    #expect(try client.readText(["file"]) == "new")
    directory.link("file2", to: "/etc/passwd")
    #expect(unsafe rename(directory.path("file2"), directory.path("other3")) == 0)
    #expect(try client.attributes(try client.walk(["other3"])).mode == 0o120777)
  }

  @Test func `open files are bounded, and room comes back with the fids`() throws {
    directory.write("file", "text")
    let client = try client(descriptorLimit: 256)
    let fids = try (0..<32).map { _ in try client.open(["file"]) }
    #expect(throws: NinePRefusal(ENFILE)) { try client.open(["file"]) }
    // Nothing is made for which there is no descriptor.
    #expect(throws: NinePRefusal(ENFILE)) { try client.create("new") }
    #expect(directory.status("new") == nil)
    #expect(try client.attributes(try client.walk(["file"])).byteCount == 4)
    for fid in fids { try client.clunk(fid) }
    for _ in 0..<32 { _ = try client.open(["file"]) }
  }

  @Test func `a path of any depth is walked, forgotten and walked again`() throws {
    let client = try client(descriptorLimit: 256)
    var fid: UInt32 = 0
    for _ in 0..<1500 {
      try client.mkdir("d", in: fid)
      let next = try client.walk(["d"], from: fid)
      if fid != 0 { try client.clunk(fid) }
      fid = next
      if try client.attributes(fid).qid.kind != 0x80 { Issue.record("no directory") }
    }
    try forget(client)
    try client.mkdir("end", in: fid)
    #expect(descriptorCount < 64)
    try client.clunk(fid)
  }
}
