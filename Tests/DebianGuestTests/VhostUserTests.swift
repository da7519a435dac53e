import Foundation
import Testing

extension DebianGuestTests {
  /// Devices that other processes serve over vhost-user: the disk of the root, and a file system.
  struct VhostUserTests {
    /// A back end, and the socket at which it listens.
    private struct BackEnd {
      let process: LkvmProcess
      let socket: String

      init(_ program: String, _ arguments: [String], socket: String) throws {
        process = try LkvmProcess(arguments, program: URL(filePath: program))
        self.socket = socket
        try process.wait("\(program) does not listen", within: .seconds(60)) {
          FileManager.default.fileExists(atPath: socket)
        }
      }
    }

    @Test func `a guest boots ext4 from qemu-storage-daemon's disk and mounts virtiofsd's files`() throws {
      let folder = try TemporaryFolder()
      let (root, files) = (folder.file("root"), folder.file("files"))
      try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: false)
      try "hello".write(toFile: files + "/greeting", atomically: false, encoding: .utf8)
      let script = """
        #!/bin/busybox sh
        say() { printf '\\n@%s=%s@\\n' "$1" "$2"; }
        say root "$(grep ' / ' /proc/mounts | tail -n 1 | cut -d ' ' -f 1,3)"
        mkdir -p /mnt && mount -t virtiofs files /mnt; say mounted "$?"
        say greeting "$(cat /mnt/greeting)"
        dd if=/dev/urandom of=/mnt/new bs=64k count=16 2> /dev/null; say written "$?"
        say sum "$(md5sum < /mnt/new)"
        cp /mnt/new /copy && sync && say copied "$(md5sum < /copy)"
        umount /mnt && mount -o remount,ro /
        """
      try script.write(toFile: folder.file("script"), atomically: false, encoding: .utf8)
      try VirtualHost.run(
        "sh", "-c",
        """
        mkdir -p "$1/bin" "$1/sbin" "$1/etc" "$1/proc" "$1/sys" "$1/dev" "$1/mnt" &&
        cp /bin/busybox "$1/bin" && for name in sh mount umount mkdir cat dd grep tail cut cp sync md5sum printf poweroff
          do ln -s busybox "$1/bin/$name"; done &&
        cp "$2" "$1/script" && chmod 755 "$1/script" &&
        printf '#!/bin/sh\\nmount -t proc proc /proc; /script; poweroff -f\\n' > "$1/sbin/init" && chmod 755 "$1/sbin/init" &&
        mke2fs -q -t ext4 -d "$1" "$1.ext4" 32m
        """, "sh", root, folder.file("script"))
      let disk = try BackEnd(
        "/usr/bin/qemu-storage-daemon",
        [
          "--blockdev", "driver=file,node-name=disk,filename=\(root).ext4",
          "--export",
          "vhost-user-blk,id=e,node-name=disk,writable=on,num-queues=2,addr.type=unix,addr.path=\(folder.file("disk.sock"))",
        ], socket: folder.file("disk.sock"))
      // QEMU's own program up to Debian 12, and another one since.
      let newer = "/usr/libexec/virtiofsd"
      let isNewer = FileManager.default.isExecutableFile(atPath: newer)
      let source =
        isNewer
        ? ["--shared-dir=\(files)", "--sandbox=chroot"]
        : ["-o", "source=\(files)", "-o", "sandbox=chroot"]
      let share = try BackEnd(
        isNewer ? newer : "/usr/lib/qemu/virtiofsd",
        ["--socket-path=\(folder.file("files.sock"))"] + source, socket: folder.file("files.sock"))
      let report = try GuestReport(
        LkvmProcess([
          "run", "-c", "2", "-m", "512", "-p", "quiet", "--vhost-user-blk", disk.socket, "--vhost-user-fs",
          "\(share.socket),tag=files",
        ]))
      #expect(try report.value("root") == "/dev/vda ext4", "\(report.errors)")
      #expect(try report.value("mounted") == "0", "\(share.process.errors.suffix(2000))")
      #expect(try report.value("greeting") == "hello")
      #expect(try report.value("written") == "0")
      #expect(try report.value("sum") == report.value("copied"))
      #expect(try folder.bytes("files/new").count == 1 << 20)
      // Nothing of the guest's file system was lost on the way.
      try VirtualHost.run("e2fsck", "-f", "-n", "\(root).ext4")
    }
  }
}
