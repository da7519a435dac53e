import Glibc
import HostSystem
import Hypervisor
import Synchronization
import Testing

/// Attempts to leave the share. Beside it lies a directory with a secret, which must never come out.
@Suite struct NinePConfinementTests {
  private typealias T = NinePClient.T
  private let outside = NinePTemporaryDirectory()
  private let directory = NinePTemporaryDirectory()

  init() {
    outside.write("secret", "the secret")
    directory.makeDirectory("folder")
    directory.write("folder/secret", "nothing special")
  }

  private var outsideName: String { String(outside.path.split(separator: "/").last ?? "") }

  @Test func `links that lead out are links, and nothing more`() throws {
    directory.link("absolute", to: outside.path)
    directory.link("relative", to: "../" + outsideName)
    directory.link("file", to: outside.path("secret"))
    directory.link("magic", to: "/proc/self/root")
    let client = try NinePClient(directory)
    for name in ["absolute", "relative", "magic"] {
      #expect(try client.walk(from: 0, to: 99, [name, "secret"]).count == 1, "\(name)")
      let link = try client.walk([name])
      #expect(throws: NinePRefusal(ENOTDIR)) { try client.walk(from: link, to: 99, ["secret"]) }
      #expect(throws: NinePRefusal(ENOTDIR)) { try client.walk(from: link, to: 99, [".."]) }
      #expect(throws: NinePRefusal(ENOTDIR)) { try client.mkdir("new", in: link) }
      #expect(throws: NinePRefusal(ELOOP)) { try client.open([name]) }
    }
    for flags in [0, 1, 0o1001] as [UInt32] {
      #expect(throws: NinePRefusal(ELOOP)) { try client.open(["file"], flags: flags) }
      #expect(throws: NinePRefusal(ELOOP)) { try client.create("file", flags: flags) }
    }
    #expect(throws: NinePRefusal(EINVAL)) { try client.setAttributes(try client.walk(["file"]), valid: 8) }
    #expect(outside.read("secret") == "the secret")
  }

  @Test func `a file is not created through a dangling link`() throws {
    directory.link("dangling", to: outside.path("new"))
    let client = try NinePClient(directory)
    #expect(throws: NinePRefusal(ELOOP)) { try client.create("dangling", flags: 0o102) }
    #expect(throws: NinePRefusal(EEXIST)) { try client.mkdir("dangling") }
    #expect(outside.status("new") == nil)
  }

  @Test(arguments: ["", ".", "a/b", "/", "/etc/passwd", "folder/../..", "nul\0", "\0"])
  func `an invalid name is refused`(name: String) throws {
    let client = try NinePClient(directory)
    let folder = try client.walk(["folder"])
    #expect(throws: NinePRefusal(EINVAL)) { try client.walk(from: 0, to: 99, [name]) }
    #expect(try client.walk(from: 0, to: 99, ["folder", name]).count == 1)
    try refusesToCreate(client, folder, name, NinePRefusal(EINVAL))
  }

  @Test func `a new name must be neither the parent's nor too long`() throws {
    let client = try NinePClient(directory)
    let folder = try client.walk(["folder"])
    try refusesToCreate(client, folder, "..", NinePRefusal(EINVAL))
    try refusesToCreate(client, folder, String(repeating: "x", count: 256), NinePRefusal(ENAMETOOLONG))
    #expect(directory.read("folder/secret") == "nothing special")
  }

  private func refusesToCreate(
    _ client: NinePClient, _ folder: UInt32, _ name: String, _ refusal: NinePRefusal
  ) throws {
    let file = try client.walk(["folder", "secret"])
    let messages: [(UInt8, NinePMessage)] = [
      (T.lcreate, NinePMessage().u32(folder).string(name).u32(0o102).u32(0o644).u32(0)),
      (T.symlink, NinePMessage().u32(folder).string(name).string("x").u32(0)),
      (T.mknod, NinePMessage().u32(folder).string(name).u32(0o100644).u32(0).u32(0).u32(0)),
      (T.mknod, NinePMessage().u32(folder).string(name).u32(0o010644).u32(0).u32(0).u32(0)),
      (T.mkdir, NinePMessage().u32(folder).string(name).u32(0o755).u32(0)),
      (T.link, NinePMessage().u32(folder).u32(file).string(name)),
      (T.rename, NinePMessage().u32(file).u32(folder).string(name)),
      (T.renameat, NinePMessage().u32(folder).string("secret").u32(0).string(name)),
      (T.renameat, NinePMessage().u32(folder).string(name).u32(0).string("new")),
      (T.unlinkat, NinePMessage().u32(folder).string(name).u32(0)),
      (T.unlinkat, NinePMessage().u32(folder).string(name).u32(0x200)),
    ]
    for (type, message) in messages {
      #expect(throws: refusal, "request \(type)") { try client.call(type, message) }
    }
    try client.clunk(file)
  }

  @Test func `from a directory that was moved out, the way up is closed`() throws {
    let client = try NinePClient(directory)
    let folder = try client.walk(["folder"])
    _ = unsafe Glibc.rename(directory.path("folder"), outside.path("folder"))
    #expect(throws: NinePRefusal(EACCES)) { try client.walk(from: folder, to: 99, [".."]) }
    #expect(throws: NinePRefusal(EACCES)) { try client.walk(from: folder, to: 99, ["..", "secret"]) }
    // Nor can it be renamed or removed, which would need the way up.
    #expect(throws: NinePRefusal(ENOENT)) {
      try client.call(T.rename, NinePMessage().u32(folder).u32(0).string("back"))
    }
    #expect(throws: NinePRefusal(ENOENT)) { try client.call(T.remove, NinePMessage().u32(folder)) }
    #expect(outside.status("folder") != nil)
  }

  @Test func `procfs below the share is a mount point and no more`() throws {
    guard unsafe access("/proc/self/root", F_OK) == 0 else { return }
    let client = try NinePClient(NinePShare(path: "/", tag: "root", readOnly: true))
    let proc = try client.walk(["proc"])
    // Another file system: its inode 1 is not the root's inode 1.
    #expect(try client.attributes(proc).qid.path > 1 << 62)
    for name in ["self", "1", "sys"] {
      #expect(throws: NinePRefusal(EACCES)) { try client.walk(from: proc, to: 99, [name]) }
    }
    #expect(throws: NinePRefusal(EACCES)) { try client.open(["proc"]) }
    #expect(try client.walk(from: 0, to: 99, ["proc", ".."]).count == 2)
    #expect(throws: NinePShareError.isProcessFileSystem(path: "/proc")) {
      try NinePShare(path: "/proc", tag: "proc", readOnly: true)
    }
  }

  @Test func `a directory that turns into a link while the guest walks never lets the secret out`() throws {
    directory.link("other", to: outside.path)
    let stop = SharedFlag()
    let (first, second, third) = (directory.path("folder"), directory.path("other"), directory.path("aside"))
    let swapper = try HostThread(name: "swapper", cpus: nil) {
      while !stop.isSet {
        // Back and forth: the directory, nothing, the link, nothing.
        for (from, to) in [(first, third), (second, first), (first, second), (third, first)] {
          _ = unsafe Glibc.rename(from, to)
        }
      }
    }
    defer {
      stop.set()
      swapper.join()
    }
    let client = try NinePClient(directory)
    var (opened, refused) = (0, 0)
    let deadline = HostClock.monotonicNanoseconds() + 20_000_000_000
    while (opened < 500 || refused < 500), HostClock.monotonicNanoseconds() < deadline {
      do {
        let fid = try client.walk(["folder", "secret"])
        _ = try client.call(T.lopen, NinePMessage().u32(fid).u32(0))
        #expect(String(decoding: try client.read(fid), as: UTF8.self) == "nothing special")
        try client.clunk(fid)
        opened += 1
      } catch is NinePRefusal {
        refused += 1
      }
      do {
        try client.clunk(try client.create("new", in: ["folder"]))
        let folder = try client.walk(["folder"])
        try client.mkdir("made", in: folder)
        try client.clunk(folder)
      } catch is NinePRefusal {
        refused += 1
      }
    }
    // Both sides of the race were met.
    #expect(opened > 0)
    #expect(refused > 0)
    #expect(outside.status("new") == nil)
    #expect(outside.status("made") == nil)
  }

  /// What one thread sets and another reads.
  private final class SharedFlag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
  }
}
