import Testing

/// Contents that lie in inodes (`inline_data`), as the kernel has written them.
@Suite(.serialized)
struct InlineDataTests {
  /// Files and directories whose contents are in the inode, in part in the attribute, or in blocks.
  private static let make = """
    for n in 0 1 59 60 61 100 130 150 160 400; do head -c $n /dev/zero | tr '\\0' x > file-$n; done
    for n in 1 2 3 5 6 9 20; do mkdir folder-$n; for m in $(seq $n); do echo $m > folder-$n/name-$m; done; done
    mkdir -p deep/a/b/c with; setfattr -n user.note -v "$(printf 'y%.0s' {1..40})" file-59 with
    for n in 20 59 60 80 120 400; do ln -s "$(printf "l%.0s" $(seq $n))" link-$n; done
    """

  /// Changes of each kind, the first one of each file and directory.
  private static let change = """
    printf z >> file-0; printf z >> file-1; printf abc | dd of=file-59 bs=1 seek=10 conv=notrunc status=none
    truncate -s 10 file-60; truncate -s 5000 file-61; truncate -s 0 file-100; fallocate -l 300 file-130 2>/dev/null || truncate -s 300 file-130
    fallocate -p -o 20 -l 50 file-150; fallocate -z -o 10 -l 20 file-160 2>/dev/null || :
    dd if=/dev/zero of=file-400 bs=1 seek=9000 count=1 conv=notrunc status=none
    echo new > folder-1/new; rm folder-2/name-1; mv folder-3/name-2 folder-3/moved; mv folder-5/name-1 folder-6/from-5
    mkdir folder-9/below; rm -r folder-20; mv deep/a/b with/; rmdir with/b/c; ln folder-6/name-2 deep/linked
    setfattr -n user.more -v "$(printf 'm%.0s' {1..60})" folder-6; setfattr -x user.note file-59; rm link-120
    """

  @Test(arguments: [
    "mkfs.ext4 -q -F -O inline_data", "mkfs.ext4 -q -F -O inline_data -b 1024 -I 512",
    "mkfs.ext4 -q -F -O inline_data,^metadata_csum,ea_inode -b 4096 -I 1024",
    "mkfs.ext4 -q -F -O inline_data,^extents,^64bit",
    "mkfs.ext4 -q -F -O inline_data,^has_journal",
  ])
  func `they are read, and move to a block with the first change`(make: String) {
    let disk = MountedImage(megabytes: 16, make: make)
    let model = TemporaryFolder.makeOrTrap()
    let compare = "diff -r --no-dereference --exclude=lost+found '\(model.path)' ."
    Command.run("cd '\(model.path)' && \(Self.make)")
    let sizes = "stat -c '%n %s %b' file-* | sort"
    // The kernel counts what is in a block of attributes only after it was written.
    let counted = disk.throughKernel("{ \(Self.make); }; sync; sleep 0.1; \(sizes)", options: "rw")
    disk.mount("ro")
    disk.shell(compare)
    #expect(disk.shell(sizes) == counted)
    disk.unmount()

    Command.run("cd '\(model.path)' && \(Self.change)")
    disk.mount()
    disk.shell("test $(ls -a folder-6 | wc -l) = 8; \(Self.change)")
    disk.shell(compare)
    disk.unmount()
    disk.expectClean("changed")
    disk.throughKernel("\(compare); getfattr -d folder-6 | grep -q mmmmm", options: "rw")
    disk.expectClean("after the kernel")
    disk.mount()
    disk.shell("rm -r file-* folder-* deep with link-*")
    disk.unmount()
    disk.expectClean("removed")
  }

  @Test func `holes and data of a file in its inode`() {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -O inline_data")
    let program = """
      python3 -c "
      import os
      f = os.open('file', os.O_RDONLY)
      print(os.lseek(f, 10, os.SEEK_DATA), os.lseek(f, 10, os.SEEK_HOLE), os.pread(f, 10, 95))
      " && getfattr -d -m - file
      """
    let kernel = disk.throughKernel(
      "head -c 100 /dev/zero > file; sync; echo 3 > /proc/sys/vm/drop_caches; \(program)", options: "rw")
    disk.mount("ro")
    #expect(disk.shell(program) == kernel)
    disk.unmount()
  }
}
