import Testing

/// `MAP_SHARED` beside other ways to a file's data. Direct descriptors need Linux 6.6 for it, and so does `-o direct_io`.
@Suite(.serialized)
struct SharedMappingTests {
  @Test(arguments: ["", "direct_io"])
  func `mapped, buffered and direct access to one file see each other's writes`(options: String) {
    let disk = MountedImage()
    disk.mount(options)
    let script = TestScript.path("mixed-access")
    for seed in 1...2 { disk.shell("python3 '\(script)' f\(seed) \(seed) 600; cmp f\(seed) f\(seed).model") }
    disk.unmount()
    disk.expectClean()
    disk.mount("ro")
    disk.shell("cmp f1 f1.model; cmp f2 f2.model")
    disk.unmount()
  }

  @Test(arguments: ["", "direct_io"])
  func `SQLite's write-ahead log, which is mapped by several processes, works`(options: String) {
    let disk = MountedImage()
    disk.mount(options)
    disk.shell(
      """
      cat > '\(disk.folder.path)/insert.py' <<'END'
      import sqlite3, sys
      database = sqlite3.connect('w.db', timeout=60)
      if sys.argv[1] == 'begin':
          # Alone: SQLite does not wait where two processes change the mode.
          assert database.execute('pragma journal_mode=wal').fetchone()[0] == 'wal'
          database.execute('create table t(writer, number)')
          sys.exit()
      for number in range(20):
          database.execute('insert into t values (?, ?)', (sys.argv[1], number))
          database.commit()
      END
      python3 '\(disk.folder.path)/insert.py' begin || exit 1
      for writer in 1 2 3; do python3 '\(disk.folder.path)/insert.py' $writer & jobs="$jobs $!"; done
      # All of them: one that goes on would keep the file system busy.
      for job in $jobs; do wait $job || failed=yes; done
      if [[ -n $failed ]]; then exit 1; fi
      python3 -c "
      import sqlite3
      database = sqlite3.connect('w.db')
      assert database.execute('select count(*), sum(number) from t').fetchone() == (60, 570)
      assert database.execute('pragma integrity_check').fetchone()[0] == 'ok'"
      """)
    disk.unmount()
    disk.expectClean()
  }
}
