import Foundation
import Testing

extension DebianGuestTests {
  /// fuse-vext over vext, against the guest kernel's ext4 on the same image.
  struct FuseVextTests {
    private static let fileCount = 2000

    /// One guest that has the image both as a vext disk and as a virtio-blk disk, and never uses both at once.
    private struct Session {
      let folder: ScratchFolder
      let report: GuestReport

      init() throws {
        folder = try ScratchFolder()
        let image = try folder.image("image", mebibytes: 256, zeroes: true)
        try VirtualHost.run("mkfs.ext4", "-q", "-F", image)
        let script = """
          fuse=/host\(VirtualHost.fuseVext.path(percentEncoded: false))
          tree="python3 -S -E /host\(VirtualHost.fileTree.path(percentEncoded: false))"
          echo 16 > /proc/sys/vm/nr_hugepages
          modprobe fuse
          mkdir /tmp/m && cd /tmp
          mount_vext() { "$fuse" --device vext /tmp/m > /tmp/fuse 2>&1; say "$1" "$? $(cat /tmp/fuse)"; }
          mount_vext mount
          "$fuse" --device vext /tmp/m > /tmp/fuse 2>&1; say second "$? $(cat /tmp/fuse)"
          say kind "$(awk '$2 == "/tmp/m" { print $3 }' /proc/mounts)"
          fio --name=verify --directory=/tmp/m --rw=randwrite --bs=4k --size=2m --numjobs=4 --ioengine=psync \\
            --verify=crc32c --do_verify=1 --verify_fatal=1 --end_fsync=1 --group_reporting > /tmp/fio 2>&1
          say fio "$?"
          grep -q 'verify: bad' /tmp/fio && say bad "$(cat /tmp/fio)"
          say sums "$(cd /tmp/m && sha256sum verify.* | sort | sha256sum)"
          mkdir /tmp/m/ours && $tree make /tmp/m/ours \(FuseVextTests.fileCount) 1 > /tmp/made 2>&1
          say made "$? $(cat /tmp/made)"
          say ours "$($tree digest /tmp/m/ours 2>&1)"
          umount /tmp/m; say umount "$?"
          mount -t ext4 /dev/vda /tmp/m; say kernel "$?"
          say ours-by-kernel "$($tree digest /tmp/m/ours 2>&1)"
          say sums-by-kernel "$(cd /tmp/m && sha256sum verify.* | sort | sha256sum)"
          mkdir /tmp/m/theirs && $tree make /tmp/m/theirs \(FuseVextTests.fileCount) 2
          say theirs-by-kernel "$($tree digest /tmp/m/theirs 2>&1)"
          umount /tmp/m
          mount_vext again
          say theirs "$($tree digest /tmp/m/theirs 2>&1)"
          umount /tmp/m
          sleep 1
          say left "$(grep -lE 'vext-guardian|fuse-vext' /proc/[0-9]*/comm 2> /dev/null | wc -l)"
          exit 0
          """
        report = try GuestReport(
          ["-c", "2", "-m", "1024", "-n", "mode=none", "--vext", "\(image),queues=8", "-d", image],
          script: script, within: .seconds(380))
      }
    }
    private static let session = Result { try Session() }

    @Test func `a file system of the vext disk is mounted once`() throws {
      let report = try Self.session.get().report
      #expect(try report.value("mount").hasPrefix("0"), "\(report.console.suffix(3000))")
      #expect(try report.value("kind").hasPrefix("fuse"))
      let second = try report.value("second")
      #expect(!second.hasPrefix("0") && second.contains("in use"), "\(second)")
      #expect(try report.value("umount") == "0")
      #expect(try report.number("left") == 0)
    }

    @Test func `fio's four jobs verify what they wrote, and the host reads the same`() throws {
      let session = try Self.session.get()
      #expect(try session.report.value("fio") == "0", "\(session.report.console.suffix(3000))")
      try VirtualHost.run("e2fsck", "-fn", session.folder.file("image"))
      let copies = session.folder.file("copies")
      try FileManager.default.createDirectory(atPath: copies, withIntermediateDirectories: true)
      for job in 0..<4 {
        try VirtualHost.run(
          "debugfs", "-R", "dump /verify.\(job).0 \(copies)/verify.\(job).0", session.folder.file("image"))
      }
      let sums = try VirtualHost.run("sh", "-c", "cd \(copies) && sha256sum verify.* | sort | sha256sum")
      #expect(try session.report.value("sums").prefix(64) == sums.prefix(64))
      #expect(try session.report.value("sums-by-kernel").prefix(64) == sums.prefix(64))
    }

    @Test func `a tree that fuse-vext wrote is the same to the kernel's ext4`() throws {
      let report = try Self.session.get().report
      #expect(try report.value("made") == "0 ")
      #expect(
        try report.value("ours").split(separator: " ").first.flatMap { Int($0) } ?? 0 > Self.fileCount / 2)
      #expect(try report.value("ours") == report.value("ours-by-kernel"))
    }

    @Test func `a tree that the kernel's ext4 wrote is the same to fuse-vext`() throws {
      let report = try Self.session.get().report
      #expect(
        try report.value("theirs").split(separator: " ").first.flatMap { Int($0) } ?? 0 > Self.fileCount / 2)
      #expect(try report.value("theirs") == report.value("theirs-by-kernel"))
    }
  }
}
