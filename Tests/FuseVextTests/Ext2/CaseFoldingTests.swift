import Testing

/// Directories whose names tell no case (`casefold`). The kernels of the build machines lack it, so the cases follow
/// the kernel's documentation, and e2fsck compares hashes and looks for duplicates.
@Suite(.serialized)
struct CaseFoldingTests {
  @Test func `a name is found in any case, and keeps the one that it was made with`() {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -O casefold")
    disk.mount()
    disk.shell(
      """
      mkdir any && chattr +F any && cd any && echo one > Straße && echo two > ÀÉÎ && mkdir Below plain
      test "$(cat STRASSE)" = one && test "$(cat STRAßE)" = one && test "$(cat "$(printf 'a\\u0300e\\u0301i\\u0302')")" = two
      test "$(ls | LC_ALL=C sort | tr '\\n' ' ')" = "Below Straße plain ÀÉÎ "
      lsattr -d below | grep -q F && echo three > bELOW/File && test "$(cat below/fILE)" = three
      echo more >> STRASSE && test "$(cat Straße | wc -l)" = 2
      """)
    for change in ["mkdir any/BELOW", "ln any/ÀÉÎ any/strasse", "mknod any/PLAIN p"] {
      #expect(disk.shell("{ \(change); } 2>&1; true").contains("File exists"), "\(change)")
    }
    #expect(disk.shell("chattr -F any 2>&1; true").contains("not empty"))
    #expect(disk.shell("touch file; chattr +F file 2>&1; true").contains("not supported"))
    // The kernel must forget what it knew by the other names.
    disk.shell(
      """
      cd any && stat Strasse STRASSE > /dev/null && rm strasse && ! test -e Strasse && ! test -e STRASSE && ! test -e Straße
      ! test -e later && touch LATER && test -e later && mv later Other && ! test -e LATER && test -e oTHER
      touch first second && mv FIRST SECOND && test "$(ls | grep -i -c -e first -e second)" = 1
      python3 -c "import os; os.rename('oTHER', 'OTHER')" && ls | grep -qx Other && rmdir PLAIN
      """)
    disk.unmount()
    disk.expectClean()
    Command.run("e2fsck -fyD '\(disk.image)'")
    disk.mount()
    disk.shell(
      "cd any && test -e other && test \"$(cat aéî 2>/dev/null || cat Àéî)\" = two && rm -r BELOW && ! test -e Below"
    )
    disk.unmount()
    disk.expectClean("after e2fsck -D")
  }

  @Test func `a directory of many blocks with a hash index finds names in any case`() {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -O casefold -b 1024")
    disk.mount()
    disk.shell("mkdir any && chattr +F any && cd any && touch $(seq -f Name-%g 500)")
    disk.unmount()
    // e2fsck ends with 1 when it has changed something.
    #expect(Command.run("e2fsck -fyD '\(disk.image)'").exitCode <= 1)
    disk.mount()
    disk.shell(
      "cd any && stat $(seq -f nAME-%g 500) > /dev/null && rm $(seq -f NAME-%g 1 2 500) && test $(ls | wc -l) = 250"
    )
    disk.unmount()
    disk.expectClean()
  }

  @Test func `names that are not UTF-8 equal themselves alone, or are refused where encoding is strict`() {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -O casefold")
    let strict = MountedImage(
      megabytes: 16, make: "mkfs.ext4 -q -F -O casefold -E encoding=utf8,encoding_flags=strict")
    disk.mount()
    disk.shell(
      """
      mkdir any && chattr +F any && cd any && touch "$(printf 'a\\377')" && ! test -e "$(printf 'A\\377')" && \
        touch "$(printf 'A\\377')" && test $(ls | wc -l) = 2
      """)
    disk.unmount()
    disk.expectClean()
    strict.mount()
    strict.shell("mkdir any && chattr +F any && touch any/ä && test -e any/Ä")
    #expect(strict.shell("touch any/$(printf 'a\\377') 2>&1; true").contains("Invalid argument"))
    strict.shell("touch $(printf 'a\\377')")
    strict.unmount()
    strict.expectClean()
  }
}
