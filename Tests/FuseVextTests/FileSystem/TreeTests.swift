import Testing

/// What the kernel's ext4 and debugfs make of what fuse-vext wrote, and the other way round.
@Suite(.serialized)
struct TreeTests {
  /// How much is done; the environment makes it more: `VEXT_TREE_OPERATIONS=3000 VEXT_TREE_FILES=10000`.
  private static let operationCount = CrashSettings.number("VEXT_TREE_OPERATIONS") ?? 700
  private static let fileCount = CrashSettings.number("VEXT_TREE_FILES") ?? 2000

  @Test(arguments: [1, 2, 3])
  func `random operations come out as on a plain directory`(seed: Int) {
    let disk = MountedImage(megabytes: 256, make: seed == 3 ? "mkfs.ext2 -q -F -b 1024" : "mkfs.ext4 -q -F")
    let model = TemporaryFolder.makeOrTrap()
    disk.mount()
    disk.shell("mkdir work")
    let result = Command.run(
      "python3 '\(TestScript.path("random-operations"))' \(seed) \(Self.operationCount) '\(disk.mountPoint)/work' '\(model.path)'"
    )
    #expect(result.exitCode == 0, "\(result.output)")
    disk.unmount()
    disk.expectClean("seed \(seed)")
    disk.mount("ro")
    let listing = "python3 '\(TestScript.path("make-tree"))' describe"
    let ours = Command.run("\(listing) '\(disk.mountPoint)/work'").output
    #expect(ours == Command.run("\(listing) '\(model.path)'").output)
    disk.unmount()
  }

  @Test
  func `thousands of files, holes, attributes and long names are read by the kernel as they were written`() {
    let disk = MountedImage(megabytes: 512, make: "mkfs.ext4 -q -F -N 30000")
    let script = TestScript.path("make-tree")
    disk.mount()
    disk.shell("python3 '\(script)' make tree \(Self.fileCount)")
    let written = Command.run("python3 '\(script)' describe '\(disk.mountPoint)/tree'")
    #expect(written.exitCode == 0, "\(written.output.prefix(500))")
    #expect(disk.shell("ls tree/many | wc -l") == "\(Self.fileCount)\n")
    disk.unmount()
    disk.expectClean()
    let read = disk.throughKernel("python3 '\(script)' describe tree", options: "ro")
    #expect(read == written.output)
    #expect(Command.run("debugfs -R 'stat /tree/sparse' '\(disk.image)'").output.contains("Size: 50000000"))
  }

  @Test func `what the kernel wrote is read, and changed, indexed directories included`() {
    let disk = MountedImage(megabytes: 512, make: "mkfs.ext4 -q -F -N 30000")
    let script = TestScript.path("make-tree")
    _ = disk.throughKernel("python3 '\(script)' make tree \(Self.fileCount)", options: "rw")
    let expected = disk.throughKernel("python3 '\(script)' describe tree", options: "ro")
    disk.mount()
    #expect(Command.run("python3 '\(script)' describe '\(disk.mountPoint)/tree'").output == expected)
    // A changed index that is not kept would hide names.
    disk.shell("cd tree/many && touch new && mv new newer && rm -f file-1-* file-77-* && touch file-1-again")
    disk.unmount()
    disk.expectClean()
    #expect(
      disk.throughKernel("cd tree/many; ls newer file-1-again; ls | wc -l", options: "ro").hasSuffix(
        "\n\(Self.fileCount)\n"))
  }
}
