import Testing

/// Who may do what, and what it leaves: as on the kernel's ext4, in every try that Scripts/rights.py makes.
@Suite(.serialized)
struct RightsTests {
  /// Only one try in this many runs, because all of them take a minute.
  private static let stride = Command.run("echo ${FUSE_VEXT_RIGHTS_STRIDE:-11}").output.prefix { $0.isNumber }

  private static func script(_ part: String) -> String {
    "STRIDE=\(stride) python3 '\(TestScript.path("rights"))' \(part)"
  }

  @Test func `users have the rights of the kernel's ext4, with the same results`() {
    let kernels = MountedImage()
    let expected = lines(
      kernels.throughKernel("mkdir tries && cd tries && \(Self.script(""))", options: "rw"))
    let ours = MountedImage()
    ours.mount("allow_other")
    let seen = lines(ours.shell("mkdir tries && cd tries && \(Self.script(""))"))
    ours.unmount()
    ours.expectClean()
    expectEqual(seen, expected)
  }

  @Test func `immutable and append-only files and folders are protected as by the kernel's ext4`() {
    func prepare(_ disk: MountedImage) -> String {
      """
      mkdir tries && cd tries && MOUNT='\(disk.mountPoint)' COMMANDS='\(disk.folder.path)/commands' \\
        python3 '\(TestScript.path("rights"))' prepare
      """
    }
    func mark(_ disk: MountedImage) {
      Command.run("debugfs -w -f '\(disk.folder.path)/commands' '\(disk.image)'")
    }
    let tries = "cd tries && \(Self.script("protected"))"
    let kernels = MountedImage()
    kernels.throughKernel(prepare(kernels), options: "rw")
    mark(kernels)
    let expected = lines(kernels.throughKernel(tries, options: "rw"))
    let ours = MountedImage()
    ours.mount("allow_other")
    ours.shell(prepare(ours))
    ours.unmount()
    mark(ours)
    ours.mount("allow_other")
    let seen = lines(ours.shell(tries))
    ours.unmount()
    ours.expectClean()
    expectEqual(seen, expected)
  }

  @Test func `writes of others clear what they must where every file goes past the kernel's cache`() {
    let kernels = MountedImage()
    let tries = "mkdir tries && cd tries && \(Self.script("writes"))"
    let expected = lines(kernels.throughKernel(tries, options: "rw"))
    let ours = MountedImage()
    ours.mount("allow_other,direct_io")
    let seen = lines(ours.shell(tries))
    ours.unmount()
    expectEqual(seen, expected)
  }

  @Test(arguments: ["mkfs.ext4 -q -F", "mkfs.ext4 -q -F -I 128", "mkfs.ext2 -q -F"])
  func `access control lists of the kernel are read here, and those of here by the kernel`(make: String) {
    let script = """
      mkdir d; setfacl -m u:1000:rwx,g:2000:r-x,d:u:1000:rw-,d:m::r-x d; touch d/f; mkdir d/e
      touch g; setfacl -m u:70000:r,u:80000:- g; touch h; setfacl -m u:5:r h; chmod 470 h
      """
    let show = "for name in . d d/f d/e g h; do getfacl -n $name; done"
    let written = MountedImage(make: make)
    written.mount()
    let ours = written.shell("\(script)\n\(show)")
    written.unmount()
    written.expectClean()
    #expect(written.throughKernel(show, options: "ro") == ours)
    let kernels = MountedImage(make: make)
    let theirs = kernels.throughKernel("\(script)\n\(show)", options: "rw")
    kernels.mount()
    #expect(kernels.shell(show) == theirs)
    // Those of several files may be one block.
    kernels.shell("for n in d/f d/e g; do setfacl -m u:9:r $n; done; setfacl -b h; rm -r d/e")
    kernels.unmount()
    kernels.expectClean()
  }

  @Test func `noacl and nouser_xattr turn off what they name`() {
    let disk = MountedImage()
    disk.mount()
    disk.shell("touch f; setfacl -m u:1000:r f; setfattr -n user.a -v 1 f; setfattr -n trusted.a -v 1 f")
    disk.unmount()
    disk.mount("noacl,nouser_xattr")
    #expect(disk.shell("getfattr -d -m - f 2>&1 | grep -c =") == "1\n")
    disk.shell(
      """
      setfacl -m u:1000:r f 2>&1 | grep -q 'not supported'; setfattr -n user.b -v 1 f 2>&1 | grep -q 'not supported'
      test "$(stat -c %a f)" = 644; chmod 600 f; test "$(stat -c %a f)" = 600
      """)
    disk.unmount()
    disk.mount()
    #expect(disk.shell("getfacl -ncE f").contains("user:1000:r--"))
    disk.unmount()
    disk.expectClean()
  }

  @Test(arguments: [("", "2000"), ("-E root_owner=0:0", "")])
  func `only root and the user and group that the superblock names use the last blocks`(
    make: String, group: String
  ) {
    let disk = MountedImage(make: "mkfs.ext4 -q -F -m 20")
    if !group.isEmpty { Command.run("tune2fs -g \(group) '\(disk.image)'") }
    disk.mount("allow_other")
    disk.shell(
      """
      chmod 777 .
      fill() { setpriv --reuid=1000 --regid=1000 --groups=$1 dd if=/dev/zero of=$2 bs=64k count=$3 status=none 2> /dev/null; }
      fill 3000 a 2000; sync a
      test "$(stat -f -c %a .)" -lt 256 && test "$(stat -f -c %f .)" -gt $(($(stat -f -c %b .) / 10))
      ! fill 3000 b 16
      ! setpriv --reuid=1000 --regid=1000 --clear-groups unshare -Ur dd if=/dev/zero of=c bs=64k count=16 status=none 2> /dev/null
      \(group.isEmpty ? "! " : "")fill 2000 d 16
      dd if=/dev/zero of=e bs=64k count=16 status=none
      """)
    disk.unmount()
    disk.expectClean()
  }

  private func lines(_ text: String) -> [Substring] { text.split(separator: "\n") }

  private func expectEqual(_ seen: [Substring], _ expected: [Substring]) {
    #expect(seen.count == expected.count && !seen.isEmpty)
    let differing = zip(seen, expected).filter { $0 != $1 }
    #expect(
      differing.isEmpty,
      "\(differing.prefix(5).map { "here '\($0)', kernel '\($1)'" }.joined(separator: "\n"))")
  }
}
