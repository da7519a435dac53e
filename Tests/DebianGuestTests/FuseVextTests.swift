import Foundation
import Testing

extension DebianGuestTests {
  /// fuse-vext over vext, against the guest kernel's ext4 on the same image.
  struct FuseVextTests {
    /// Files of each tree; VEXT_TREE_FILES=10000 for a large one (docs/testing.md).
    private static let fileCount =
      ProcessInfo.processInfo.environment["VEXT_TREE_FILES"].flatMap { Int($0) } ?? 300

    /// Two guests and two images: each is written by one of fuse-vext and the kernel's ext4 in the first guest, and read
    /// by the other one in the second. lkvm lets no two disks have one image.
    private struct Session {
      let folder: TemporaryFolder
      /// fuse-vext writes `ours`, the kernel `theirs`.
      let writer: GuestReport
      /// fuse-vext reads `theirs`, the kernel `ours`.
      let reader: GuestReport

      init() throws {
        folder = try TemporaryFolder()
        let ours = try folder.image("ours", mebibytes: 256, zeroes: true)
        let theirs = try folder.image("theirs", mebibytes: 256, zeroes: true)
        for image in [ours, theirs] { try VirtualHost.run("mkfs.ext4", "-q", "-F", image) }
        writer = try Self.run(
          vext: ours, virtio: theirs,
          """
          "$fuse" --device vext /tmp/v > /tmp/fuse 2>&1; say second "$? $(cat /tmp/fuse)"
          say kind "$(awk '$2 == "/tmp/v" { print $3 }' /proc/mounts)"
          fio --name=verify --directory=/tmp/v --rw=randwrite --bs=4k --size=1m --numjobs=4 --ioengine=psync \\
            --verify=crc32c --do_verify=1 --verify_fatal=1 --end_fsync=1 --group_reporting > /tmp/fio 2>&1
          say fio "$?"
          grep -q 'verify: bad' /tmp/fio && say bad "$(cat /tmp/fio)"
          say sums "$(cd /tmp/v && sha256sum verify.* | sort | sha256sum)"
          mkdir /tmp/v/tree && $tree make /tmp/v/tree \(FuseVextTests.fileCount) 1 > /tmp/made 2>&1
          say made "$? $(cat /tmp/made)"
          say ours "$($tree digest /tmp/v/tree 2>&1)"
          mkdir /tmp/b/tree && $tree make /tmp/b/tree \(FuseVextTests.fileCount) 2
          say theirs "$($tree digest /tmp/b/tree 2>&1)"
          """)
        try VirtualHost.run("e2fsck", "-fn", ours)
        reader = try Self.run(
          vext: theirs, virtio: ours,
          """
          say sums "$(cd /tmp/b && sha256sum verify.* | sort | sha256sum)"
          say ours "$($tree digest /tmp/b/tree 2>&1)"
          say theirs "$($tree digest /tmp/v/tree 2>&1)"
          """)
      }

      /// Runs `script` in a guest with one image mounted by fuse-vext at /tmp/v, the other by the kernel at /tmp/b.
      private static func run(vext: String, virtio: String, _ script: String) throws -> GuestReport {
        try GuestReport(
          ["-c", "1", "-m", "1024", "-n", "mode=none", "--vext", "\(vext),queues=8", "-d", virtio],
          script: """
            fuse=/host\(VirtualHost.fuseVext.path(percentEncoded: false))
            tree="python3 -S -E /host\(VirtualHost.fileTree.path(percentEncoded: false))"
            echo 16 > /proc/sys/vm/nr_hugepages
            modprobe fuse
            mkdir /tmp/v /tmp/b
            "$fuse" --device vext /tmp/v > /tmp/fuse 2>&1; say mount "$? $(cat /tmp/fuse)"
            mount -t ext4 /dev/vda /tmp/b; say kernel "$?"
            \(script)
            umount /tmp/v; say umount "$?"
            umount /tmp/b
            sleep 1
            say left "$(grep -lE 'vext-guardian|fuse-vext' /proc/[0-9]*/comm 2> /dev/null | wc -l)"
            exit 0
            """,
          within: GuestReport.limit + .milliseconds(100 * FuseVextTests.fileCount))
      }
    }
    private static let session = Result { try Session() }

    @Test func `a file system of the vext disk is mounted once`() throws {
      let session = try Self.session.get()
      for report in [session.writer, session.reader] {
        #expect(try report.value("mount").hasPrefix("0"), "\(report.console.suffix(3000))")
        #expect(try report.value("umount") == "0")
        #expect(try report.number("left") == 0)
      }
      #expect(try session.writer.value("kind").hasPrefix("fuse"))
      let second = try session.writer.value("second")
      #expect(!second.hasPrefix("0") && second.contains("in use"), "\(second)")
    }

    @Test func `fio's four jobs verify what they wrote, and host and kernel read the same`() throws {
      let session = try Self.session.get()
      #expect(try session.writer.value("fio") == "0", "\(session.writer.console.suffix(3000))")
      let copies = session.folder.file("copies")
      try FileManager.default.createDirectory(atPath: copies, withIntermediateDirectories: true)
      for job in 0..<4 {
        try VirtualHost.run(
          "debugfs", "-R", "dump /verify.\(job).0 \(copies)/verify.\(job).0", session.folder.file("ours"))
      }
      let sums = try VirtualHost.run("sh", "-c", "cd \(copies) && sha256sum verify.* | sort | sha256sum")
      #expect(try session.writer.value("sums").prefix(64) == sums.prefix(64))
      #expect(try session.reader.value("sums").prefix(64) == sums.prefix(64))
    }

    @Test func `a tree that fuse-vext wrote is the same to the kernel's ext4`() throws {
      let session = try Self.session.get()
      #expect(try session.writer.value("made").hasPrefix("0"))
      #expect(try Self.entryCount(session.writer.value("ours")) > Self.fileCount / 2)
      #expect(try session.writer.value("ours") == session.reader.value("ours"))
    }

    @Test func `a tree that the kernel's ext4 wrote is the same to fuse-vext`() throws {
      let session = try Self.session.get()
      #expect(try Self.entryCount(session.writer.value("theirs")) > Self.fileCount / 2)
      #expect(try session.writer.value("theirs") == session.reader.value("theirs"))
    }

    /// How many names a digest is of.
    private static func entryCount(_ digest: String) -> Int {
      digest.split(separator: " ").first.flatMap { Int($0) } ?? 0
    }
  }
}
