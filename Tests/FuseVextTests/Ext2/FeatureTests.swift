import Testing

/// Optional features of the format: each is honoured, or refused by one message that names it.
@Suite(.serialized)
struct FeatureTests {
  /// What a mount does with a feature.
  enum Outcome: Sendable {
    case works
    /// Refused; read-only works.
    case needsReadOnly
    /// Refused, read-only too.
    case refused
  }

  /// A feature and what happens to it.
  struct Case: CustomTestStringConvertible, Sendable {
    let feature: String
    let outcome: Outcome
    /// Options of mke2fs; nil if debugfs sets the feature afterwards.
    var make: String?
    /// The kernel that runs the tests may lack what the feature needs.
    var kernelMayRefuse = false
    /// What the message calls it, if not as debugfs does.
    var name: String?
    var megabytes = 16
    var testDescription: String { feature }
  }

  static let cases: [Case] = [
    Case(feature: "bigalloc", outcome: .needsReadOnly, make: "-O bigalloc"),
    Case(feature: "ea_inode", outcome: .works, make: "-O ea_inode"),
    Case(feature: "encrypt", outcome: .works, make: "-O encrypt", kernelMayRefuse: true),
    Case(feature: "fast_commit", outcome: .works, make: "-O fast_commit"),
    Case(feature: "flex_bg", outcome: .works, make: "-O ^flex_bg"),
    Case(feature: "large_dir", outcome: .works, make: "-O large_dir"),
    Case(feature: "meta_bg", outcome: .works, make: "-O meta_bg,^resize_inode"),
    // The last group has a copy of the superblock, and begins the second group of descriptors.
    Case(
      feature: "meta_bg, sparse_super2", outcome: .works,
      make: "-b 1024 -O meta_bg,^resize_inode,sparse_super2", megabytes: 264),
    Case(feature: "metadata_csum_seed", outcome: .works, make: "-O metadata_csum_seed"),
    Case(feature: "orphan_file", outcome: .works, make: "-O orphan_file"),
    Case(feature: "project", outcome: .works, make: "-O project", kernelMayRefuse: true),
    Case(feature: "sparse_super2", outcome: .works, make: "-O sparse_super2,^resize_inode"),
    Case(feature: "stable_inodes", outcome: .works, make: "-O stable_inodes", kernelMayRefuse: true),
    Case(feature: "uninit_bg", outcome: .works, make: "-O uninit_bg,^metadata_csum"),
    Case(feature: "verity", outcome: .works, make: "-O verity", kernelMayRefuse: true),
    Case(feature: "quota", outcome: .needsReadOnly, make: "-O quota"),
    Case(feature: "read-only", outcome: .needsReadOnly),
    Case(feature: "replica", outcome: .needsReadOnly),
    Case(feature: "shared_blocks", outcome: .needsReadOnly),
    Case(feature: "casefold", outcome: .works, make: "-O casefold", kernelMayRefuse: true),
    Case(feature: "compression", outcome: .refused),
    Case(feature: "dirdata", outcome: .refused),
    Case(feature: "inline_data", outcome: .works, make: "-O inline_data"),
    Case(feature: "journal_dev", outcome: .refused),
    Case(feature: "mmp", outcome: .works, make: "-O mmp"),
    Case(feature: "FEATURE_I20", outcome: .refused, name: "0x100000"),
    Case(feature: "FEATURE_R24", outcome: .needsReadOnly, name: "0x1000000"),
  ]

  @Test(arguments: cases)
  func `a feature works, or is refused by a message that names it and the mode that works`(
    example: Case
  ) {
    let source = TemporaryFolder.makeOrTrap()
    Command.run(
      """
      cd '\(source.path)' && mkdir -p folder/below && seq 20000 > numbers && : > empty && echo short > folder/short
      ln -s folder/short link; ln -s "$(printf 'x%.0s' {1..90})" long; for n in {1..60}; do echo $n > folder/below/name-$n; done
      """)
    let disk = MountedImage(
      megabytes: example.megabytes, make: "mkfs.ext4 -q -F -d '\(source.path)' \(example.make ?? "")")
    if example.make == nil { Command.run("debugfs -w -R 'feature \(example.feature)' '\(disk.image)'") }
    let compare = "diff -r --no-dereference --exclude=lost+found '\(source.path)'"

    if example.outcome == .refused {
      expectRefusal(disk, options: "rw", naming: example.name ?? example.feature)
      expectRefusal(disk, options: "ro", naming: example.name ?? example.feature)
      return
    }
    if example.outcome == .needsReadOnly {
      disk.mount("ro")
      disk.shell("\(compare) .")
      disk.unmount()
      return expectRefusal(disk, options: "rw", naming: example.name ?? example.feature, "mount with '-o ro'")
    }
    disk.mount()
    disk.shell(
      "\(compare) . && cp -r folder copied && seq 30000 > numbers && rm -r folder && mkdir new && mv copied new/folder"
    )
    disk.unmount()
    disk.expectClean()
    guard !example.kernelMayRefuse else { return }
    Command.run("cd '\(source.path)' && seq 30000 > numbers && mkdir new && mv folder new/")
    disk.throughKernel("\(compare) . && sync", options: "rw")
    disk.expectClean("after the kernel")
  }

  private func expectRefusal(
    _ disk: MountedImage, options: String, naming words: String...,
    at location: SourceLocation = #_sourceLocation
  ) {
    let before = Command.run("sha256sum '\(disk.image)'").output
    let result = Command.run(
      "timeout -k 5 20 '\(MountedImage.program)' -o \(options) '\(disk.image)' '\(disk.mountPoint)'")
    #expect(result.exitCode == 3, "\(result.output)", sourceLocation: location)
    for word in words { #expect(result.output.contains(word), "\(result.output)", sourceLocation: location) }
    #expect(result.output.split(separator: "\n").count == 1, "\(result.output)", sourceLocation: location)
    #expect(Command.run("sha256sum '\(disk.image)'").output == before, sourceLocation: location)
  }

  @Test func `statfs of a file system with clusters is the kernel's`() {
    let disk = MountedImage(megabytes: 128, make: "mkfs.ext4 -q -F -O bigalloc -b 1024 -C 16384")
    let kernel = disk.throughKernel(
      "seq 200000 > numbers; sync; stat -f -c '%b %f %a %c %d %s %S' .", options: "rw")
    disk.mount("ro")
    #expect(disk.shell("stat -f -c '%b %f %a %c %d %s %S' .") == kernel)
    #expect(disk.shell("seq 200000 | cmp - numbers") == "")
    disk.unmount()
  }

  @Test func `a sealed file is read up to its size, and takes no change`() {
    let disk = MountedImage(make: "mkfs.ext4 -q -F -O verity")
    disk.mount()
    disk.shell("seq 60000 > sealed; seq 10 > other; stat -c %s sealed")
    disk.unmount()
    // As the kernel leaves it: the hash tree lies behind the end, in blocks that have been written.
    Command.run(
      """
      debugfs -w -R 'sif sealed size 70000' '\(disk.image)'; debugfs -w -R 'sif sealed flags 0x180000' '\(disk.image)'
      """)
    disk.expectClean()
    disk.mount()
    disk.shell("cmp sealed <(seq 60000 | head -c 70000)")
    for change in [
      "echo x >> sealed", "truncate -s 5 sealed", "truncate -s 90000 sealed", "fallocate -l 1M sealed",
    ] {
      #expect(disk.shell("{ \(change); } 2>&1; true").contains("not permitted"))
    }
    disk.shell("chmod 600 sealed && mv sealed moved && ln moved linked && seq 20 > other && cat moved > copy")
    disk.unmount()
    disk.expectClean("with a sealed file")
    disk.mount()
    disk.shell("cmp linked <(seq 60000 | head -c 70000) && rm moved linked")
    disk.unmount()
    disk.expectClean("without the sealed file")
  }

  @Test func `what is encrypted answers that the key is missing, and all else works`() {
    let disk = MountedImage(make: "mkfs.ext4 -q -F -O encrypt")
    disk.mount()
    disk.shell("mkdir secret hollow && seq 100 > secret/file && seq 5 > plain && ln -s a link")
    disk.unmount()
    Command.run(
      """
      debugfs -w -R 'sif secret flags 0x80800' '\(disk.image)'; debugfs -w -R 'sif hollow flags 0x80800' '\(disk.image)'
      debugfs -w -R 'sif plain flags 0x80800' '\(disk.image)'; debugfs -w -R 'sif link flags 0x800' '\(disk.image)'
      """)
    disk.mount()
    for access in [
      "ls secret", "cat secret/file", "touch secret/new", "mkdir secret/new", "mv other secret/",
      "ln other secret/l",
      "cat plain", "echo x >> plain", "truncate -s 1 plain", "readlink -v link",
    ] {
      #expect(disk.shell("touch other; { \(access); } 2>&1; true").contains("key not available"), "\(access)")
    }
    #expect(disk.shell("rmdir secret 2>&1; true").contains("not empty"))
    disk.shell("rmdir hollow && mv plain moved && rm moved link && mv secret hidden && seq 100 > free")
    disk.unmount()
  }

  @Test func `a project passes from a directory that asks for it to what is made in it`() {
    let disk = MountedImage(make: "mkfs.ext4 -q -F -O project")
    disk.mount()
    disk.shell("mkdir -p shared && echo x > outside")
    disk.unmount()
    Command.run(
      """
      debugfs -w -R 'sif shared projid 4711' '\(disk.image)'; debugfs -w -R 'sif shared flags 0x20080000' '\(disk.image)'
      """)
    disk.mount()
    disk.shell("mkdir shared/below && touch shared/below/file")
    for entry in ["mv outside shared/ 2>&1 || false", "ln outside shared/name 2>&1"] {
      // mv(1) copies where rename(2) may not.
      disk.shell("python3 -c \"import os; os.rename('outside', 'shared/x')\" 2>&1 | grep -q 'cross-device'")
      if entry.hasPrefix("ln") { #expect(disk.shell("{ \(entry); }; true").contains("cross-device")) }
    }
    disk.unmount()
    disk.expectClean()
    for name in ["shared/below", "shared/below/file"] {
      #expect(Command.run("debugfs -R 'stat \(name)' '\(disk.image)'").output.contains("Project:  4711"))
    }
    #expect(Command.run("debugfs -R 'stat outside' '\(disk.image)'").output.contains("Project:     0"))
  }

  @Test func `large values of attributes are read, replaced, shared and freed`() {
    let disk = MountedImage(make: "mkfs.ext4 -q -F -O ea_inode")
    let value = "$(head -c 15000 /dev/zero | tr '\\0' "
    let inodes = "dumpe2fs -h '\(disk.image)' 2>/dev/null | grep '^Free inodes'"
    let free = Command.run(inodes).output
    // The kernel gives files with the same value one inode for it.
    disk.throughKernel(
      "for n in 1 2 3 4 5; do touch f$n; setfattr -n user.large -v \"\(value)a)\" f$n; done; sync",
      options: "rw")
    disk.mount()
    for number in 1...5 {
      disk.shell("test \"$(getfattr --only-values -n user.large f\(number))\" = \"\(value)a)\"")
    }
    disk.shell(
      """
      rm f1; setfattr -x user.large f2; setfattr -n user.large -v "\(value)b)" f3
      setfattr -n user.small -v s f4; touch new; for n in 1 2 3 4; do setfattr -n user.n$n -v "\(value)c)" new; done
      """)
    disk.unmount()
    disk.expectClean()
    disk.throughKernel(
      """
      test "$(getfattr --only-values -n user.large f3)" = "\(value)b)" && test "$(getfattr --only-values -n user.n4 new)" = \
        "\(value)c)" && test "$(getfattr --only-values -n user.large f5)" = "\(value)a)" && setfattr -x user.n1 new
      """, options: "rw")
    disk.expectClean("after the kernel")
    disk.mount()
    disk.shell("rm f* new")
    disk.unmount()
    disk.expectClean("removed")
    #expect(Command.run(inodes).output == free)
  }
}
