import Foundation
import Testing

extension DebianGuestTests {
  /// virtio-9p: the root over the host's files, and a shared folder.
  struct SharedFolderTests {
    private static let count = "find /usr/bin/ | wc -l"
    private static let sums = """
      cd /usr/bin && find . -maxdepth 1 -type f -size -64k | LC_ALL=C sort | head -n 300 | xargs cksum | cksum
      """

    /// Opens a new file, takes all rights to write it away, and truncates it through the descriptor; says how large it is, and whether it
    /// can be opened again.
    private static let truncation = #"""
      setpriv --reuid=nobody --regid=nogroup --clear-groups perl -e '
        chdir "/tmp/share/anyone" or die "chdir: $!";
        open(my $file, ">", "file") or die "open: $!";
        syswrite($file, "0123456789") == 10 or die "write: $!";
        chmod(0444, "file") or die "chmod: $!";
        truncate($file, 4) or die "truncate: $!";
        print -s $file, open(my $again, ">>", "file") ? " writable" : " $!";
      ' 2>&1
      """#

    private struct Shared {
      let folder: TemporaryFolder
      let report: GuestReport

      init() throws {
        folder = try TemporaryFolder()
        let share = folder.file("share")
        try FileManager.default.createDirectory(atPath: share, withIntermediateDirectories: false)
        try "secret".write(toFile: folder.file("secret"), atomically: false, encoding: .utf8)
        try "hello".write(toFile: share + "/greeting", atomically: false, encoding: .utf8)
        try FileManager.default.createSymbolicLink(
          atPath: share + "/escape", withDestinationPath: "../secret")
        try FileManager.default.createSymbolicLink(
          atPath: share + "/absolute", withDestinationPath: folder.file("secret"))
        let script = """
          say count "$(\(SharedFolderTests.count))"
          say sums "$(\(SharedFolderTests.sums))"
          mkdir /tmp/share && mount -t 9p -o trans=virtio,version=9p2000.L share /tmp/share
          say mounted "$?"
          say greeting "$(cat /tmp/share/greeting)"
          cat /tmp/share/escape > /dev/null 2>&1; say escape "$?"
          cat /tmp/share/absolute > /dev/null 2>&1; say absolute "$?"
          cat /tmp/share/../secret > /dev/null 2>&1; say above "$?"
          ln -s ../secret /tmp/share/made && cat /tmp/share/made > /dev/null 2>&1; say made "$?"
          echo written > /tmp/share/new && chown 1234:2345 /tmp/share/new && chmod 640 /tmp/share/new
          say new "$?"
          mkdir -m 2750 /tmp/share/folder && mv /tmp/share/new /tmp/share/folder/moved
          say moved "$?"
          mkdir /tmp/share/anyone && chmod 777 /tmp/share/anyone
          say truncated "$(\(SharedFolderTests.truncation))"
          umount /tmp/share
          """
        report = try GuestReport(["-c", "2", "-m", "512", "--9p", "\(share),share"], script: script)
      }
    }
    private static let shared = Result { try Shared() }

    @Test func `the guest sees as many files as the host`() throws {
      let host = try VirtualHost.run("sh", "-c", Self.count)
      #expect(try Self.shared.get().report.value("count") == host.trimmingCharacters(in: .newlines))
    }

    @Test func `three hundred files have the same checksums in the guest and on the host`() throws {
      let host = try VirtualHost.run("sh", "-c", Self.sums)
      #expect(try Self.shared.get().report.value("sums") == host.trimmingCharacters(in: .newlines))
    }

    @Test func `a shared folder is mounted by its tag`() throws {
      let report = try Self.shared.get().report
      #expect(try report.value("mounted") == "0", "\(report.console.suffix(3000))")
      #expect(try report.value("greeting") == "hello")
    }

    @Test(arguments: ["escape", "absolute", "above", "made"])
    func `nothing outside of the shared folder can be read`(way: String) throws {
      #expect(try Self.shared.get().report.value(way) != "0")
    }

    @Test func `what the host changes shows in a running guest, in a share and in its root`() throws {
      let folder = try TemporaryFolder()
      let share = folder.file("share")
      try FileManager.default.createDirectory(atPath: share, withIntermediateDirectories: false)
      let (edited, replaced) = (URL(filePath: share + "/edited"), URL(filePath: share + "/replaced"))
      for file in [edited, replaced] { try Data("old\n".utf8).write(to: file) }
      let read = "for file in edited replaced new; do cat /tmp/share/$file /host\(share)/$file; done 2>&1"
      let script = """
        mkdir /tmp/share && mount -t 9p -o trans=virtio,version=9p2000.L share /tmp/share
        \(read) > /dev/null
        say ready yes
        read answer
        say seen "$(\(read) | tr '\n' ' ')"
        """
      let guest = try LkvmProcess(
        GuestReport.arguments(["-c", "1", "-m", "512", "--9p", "\(share),share"], script: script))
      try guest.wait(for: "@ready=yes@", within: GuestReport.limit)
      let handle = try FileHandle(forWritingTo: edited)
      try handle.write(contentsOf: Data("changed\n".utf8))
      try handle.close()
      try Data("another\n".utf8).write(to: replaced, options: .atomic)
      try Data("new\n".utf8).write(to: URL(filePath: share + "/new"))
      try guest.type("\n")
      #expect(try GuestReport(guest).value("seen") == "changed changed another another new new ")
    }

    /// With `cache=loose` the guest's kernel remembers all files that it has seen.
    @Test func `a guest walks through more files than lkvm may have open`() throws {
      let folder = "usr/share/perl"
      let script = """
        cd /host && say files "$(find \(folder) | wc -l)"
        du -s \(folder) > /dev/null; say du "$?"
        """
      let arguments = GuestReport.arguments(
        ["-c", "1", "-m", "512", "-p", "lkvm.host=ro,cache=loose"], script: script)
      let guest = try LkvmProcess(
        ["-c", "ulimit -n 512; exec \"$0\" \"$@\"", VirtualHost.lkvm.path] + arguments,
        program: URL(filePath: "/bin/sh"))
      let report = try GuestReport(guest)
      let host = try VirtualHost.run("sh", "-c", "cd / && find \(folder) | wc -l")
      #expect(Int(host.trimmingCharacters(in: .newlines)) ?? 0 > 512, "the folder has too few files")
      #expect(try report.value("files") == host.trimmingCharacters(in: .newlines))
      #expect(try report.value("du") == "0", "\(report.console.suffix(2000))")
    }

    @Test func `a user of the guest truncates an open file after chmod 444`() throws {
      let shared = try Self.shared.get()
      #expect(try shared.report.value("truncated") == "4 Permission denied")
      let file = shared.folder.file("share/anyone/file")
      #expect(try VirtualHost.run("stat", "--format=%s %a %U", file) == "4 444 nobody\n")
    }

    /// The host then checks the rights too: lkvm may truncate the file only through the descriptor that it has.
    @Test func `a user of the guest truncates an open file after chmod 444 where lkvm is not root either`()
      throws
    {
      let folder = try TemporaryFolder()
      let share = folder.file("share")
      try VirtualHost.run(
        "sh", "-c",
        "mkdir -p $0/anyone && chown -R nobody:nogroup $0 && chmod a+rx $1 && chmod a+rw /dev/kvm", share,
        folder.path)
      let arguments = GuestReport.arguments(
        ["-c", "1", "-m", "512", "--9p", "\(share),share"],
        script: """
          mkdir /tmp/share && mount -t 9p -o trans=virtio,version=9p2000.L share /tmp/share
          say truncated "$(\(Self.truncation))"
          """)
      let user = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"]
      let guest = try LkvmProcess(
        user + [VirtualHost.lkvm.path] + arguments, program: URL(filePath: "/usr/bin/setpriv"),
        environment: ["HOME": share, "LKVM_HOME": share + "/home"])
      let report = try GuestReport(guest)
      #expect(try report.value("truncated") == "4 Permission denied")
      let file = share + "/anyone/file"
      #expect(try VirtualHost.run("stat", "--format=%s %a %U", file) == "4 444 nobody\n")
    }

    @Test func `files of the guest have its owner and mode, but no set-group-ID bit`() throws {
      let shared = try Self.shared.get()
      #expect(try shared.report.value("new") == "0")
      #expect(try shared.report.value("moved") == "0")
      let state = try VirtualHost.run(
        "stat", "--format=%u %g %a", shared.folder.file("share/folder/moved"),
        shared.folder.file("share/folder"))
      #expect(state == "1234 2345 640\n0 0 750\n")
      #expect(try shared.folder.bytes("share/folder/moved") == Data("written\n".utf8))
    }
  }
}
