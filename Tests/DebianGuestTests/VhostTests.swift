import Foundation
import Testing

extension DebianGuestTests {
  /// Devices that the kernel of the virtual host serves (vhost).
  struct VhostTests {
    /// Python for both ends of AF_VSOCK connections: an echo, and a client that compares what comes back.
    private static let sockets = """
      import hashlib, os, socket, sys, threading, time
      def listening(port, kind=socket.SOCK_STREAM):
          server = socket.socket(socket.AF_VSOCK, kind)
          server.bind((socket.VMADDR_CID_ANY, port))
          server.listen()
          return server
      def echo(server):
          peer, address = server.accept()
          while data := peer.recv(65536):
              peer.sendall(data)
          peer.close()
          return address[0]
      def transfer(cid, port):
          end = time.time() + 300
          while True:
              client = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
              try:
                  client.connect((cid, port))
                  break
              except OSError:
                  if time.time() > end: raise
                  time.sleep(0.1)
          sent = os.urandom(4 << 20)
          def send():
              client.sendall(sent)
              client.shutdown(socket.SHUT_WR)
          thread = threading.Thread(target=send)
          thread.start()
          received = b""
          while data := client.recv(65536):
              received += data
          thread.join()
          return "same" if received == sent else "different"
      def messages(cid, port):
          client = socket.socket(socket.AF_VSOCK, socket.SOCK_SEQPACKET)
          client.connect((cid, port))
          client.send(b"one")
          client.send(b"two")
          return client.recv(100).decode() + "-" + client.recv(100).decode()

      """

    @Test(arguments: [("mq=2", 2), ("trans=pci-legacy", 1)])
    func `vhost_net carries 64 MiB both ways over a tap in a network namespace`(
      settings: String, pairCount: Int
    ) throws {
      try VirtualHost.run("/sbin/modprobe", "vhost_net")
      let (namespace, gateway) = ("vext-vhost", "192.168.33.1")
      let folder = try TemporaryFolder()
      try VirtualHost.run("ip", "netns", "add", namespace)
      defer { _ = try? VirtualHost.run("ip", "netns", "delete", namespace) }
      let inside = ["ip", "netns", "exec", namespace]
      let server = try TransferServer(address: "0.0.0.0", folder: folder, prefix: inside)
      let words =
        inside + [VirtualHost.lkvm.path]
        + GuestReport.arguments(
          [
            "-c", "2", "-m", "512", "-n",
            "mode=tap,host_ip=\(gateway),guest_ip=192.168.33.15,mtu=9000,vhost=1,\(settings)",
          ],
          script: """
            say booted 1
            \(server.script(host: gateway))
            """)
      let guest = try LkvmProcess(words, program: URL(filePath: "/usr/bin/env"))
      try guest.wait(for: "@booted=1@", within: GuestReport.limit)
      // Each pair has a thread of the kernel, which belongs to the process in newer kernels.
      let threads = try VirtualHost.run(
        "sh", "-c", "cat /proc/[0-9]*/task/*/comm | grep -c '^vhost-\(guest.identifier)$'")
      #expect(threads == "\(pairCount)\n")
      let report = try GuestReport(guest, within: GuestReport.limit)
      #expect(try report.value("download") == server.checksum, "\(report.errors)")
      #expect(try report.value("upload") == server.checksum, "\(report.errors)")
      #expect(report.errors.isEmpty, "\(report.errors)")
    }

    /// A target of the virtual host's SCSI stack over a file.
    private final class Target {
      let name = "naa.600140554cf3a18e"
      private let folder: TemporaryFolder
      let file: String

      init() throws {
        folder = try TemporaryFolder()
        file = try folder.image("target", mebibytes: 32)
        try VirtualHost.run("/sbin/modprobe", "-a", "target_core_mod", "target_core_file", "vhost_scsi")
        try VirtualHost.run(
          "sh", "-ec",
          """
          mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
          cd /sys/kernel/config/target
          mkdir -p core/fileio_0/disk
          printf 'fd_dev_name=%s,fd_dev_size=%s,fd_buffered_io=1' "$1" "$((32 << 20))" > core/fileio_0/disk/control
          echo 1 > core/fileio_0/disk/enable
          mkdir -p "vhost/$2/tpgt_1/lun/lun_0"
          printf 'naa.600140554cf3a18f' > "vhost/$2/tpgt_1/nexus"
          ln -s "$PWD/core/fileio_0/disk" "vhost/$2/tpgt_1/lun/lun_0/disk"
          """, "sh", file, name)
      }

      deinit {
        _ = try? VirtualHost.run(
          "sh", "-c",
          """
          cd /sys/kernel/config/target
          rm "vhost/$1/tpgt_1/lun/lun_0/disk"
          rmdir "vhost/$1/tpgt_1/lun/lun_0"
          printf NULL > "vhost/$1/tpgt_1/nexus"
          rmdir "vhost/$1/tpgt_1" "vhost/$1" core/fileio_0/disk
          """, "sh", name)
      }
    }

    @Test(arguments: ["pci", "pci-legacy"])
    func `a guest writes and verifies a target of the host's SCSI stack`(transport: String) throws {
      let target = try Target()
      let options = [
        "-c", "2", "-m", "512", "-d", "scsi:\(target.name)", "--virtio-transport", transport,
      ]
      let report = try GuestReport(
        options,
        script: """
          for i in $(seq 600); do [ -b /dev/sda ] && break; sleep 0.1; done
          say bytes "$(blockdev --getsize64 /dev/sda)"
          cd /tmp
          fio --name=verify --filename=/dev/sda --rw=randwrite --bs=16k --size=16m --direct=1 --ioengine=libaio \\
            --iodepth=8 --verify=crc32c --do_verify=1 --verify_fatal=1 > fio.out 2>&1
          say fio "$?"
          tail -n 3 fio.out
          sync
          say sum "$(cksum < /dev/sda)"
          """)
      #expect(try report.number("bytes") == 32 << 20)
      #expect(try report.number("fio") == 0, "\(report.console.suffix(2000))")
      let sum = try VirtualHost.run("sh", "-c", "cksum < '\(target.file)'")
      #expect(try report.value("sum") == sum.trimmingCharacters(in: .newlines))
      #expect(report.errors.isEmpty, "\(report.errors)")

      let other = try GuestReport(["-m", "256", "-d", "scsi:naa.6001405500000000"], script: "true")
      #expect(other.exitCode == 1)
      #expect(
        other.errors.hasPrefix("lkvm: error: --disk: naa.6001405500000000: the host has no such target"))
    }

    @Test func `host and guest connect to each other by AF_VSOCK, and a context ID has one guest`() throws {
      try VirtualHost.run("/sbin/modprobe", "vhost_vsock")
      let host = try LkvmProcess(
        [
          "/usr/bin/python3", "-c",
          Self.sockets + """
            server = listening(5000)
            packets = listening(5001, socket.SOCK_SEQPACKET)
            print("ready", flush=True)
            print("@client=%d@" % echo(server), flush=True)
            echo(packets)
            sys.stdin.readline()
            print("@transfer=%s@" % transfer(77, 6000), flush=True)
            """,
        ], program: URL(filePath: "/usr/bin/env"))
      try host.wait(for: "ready", within: .seconds(60))
      let options = ["-c", "1", "-m", "512", "--vsock", "77"]
      let guest = try LkvmProcess(
        GuestReport.arguments(
          options,
          script: """
            say booted 1
            say answer "$(python3 - << 'END'
            \(Self.sockets)
            server = listening(6000)
            print(transfer(2, 5000), messages(2, 5001), echo(server))
            END
            )"
            """))
      // The guest waits for the host's connection from here on.
      try guest.wait(for: "@booted=1@", within: GuestReport.limit)
      let second = try LkvmProcess(GuestReport.arguments(options, script: "true"))
      #expect(try second.waitForEnd(within: GuestReport.limit) == 1)
      #expect(second.errors.contains("--vsock: another guest has the context ID 77; choose another one"))
      try host.type("go on\n")
      let report = try GuestReport(guest, within: GuestReport.limit)
      // The host's context ID is 2.
      #expect(try report.value("answer") == "same one-two 2", "\(report.console.suffix(2000)) \(host.errors)")
      #expect(report.exitCode == 0)
      #expect(!report.errors.contains("vsock"), "\(report.errors)")
      #expect(try host.waitForEnd(within: .seconds(60)) == 0, "\(host.errors)")
      #expect(host.output.contains("@client=77@"))
      #expect(host.output.contains("@transfer=same@"))
    }
  }
}
