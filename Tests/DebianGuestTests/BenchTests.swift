import Foundation
import Testing

extension DebianGuestTests {
  /// `bench run --guest linux`: every data path that exists, its rows and its failures. Speeds mean nothing here.
  struct BenchTests {
    /// A run of bench on disks in memory.
    private struct Run {
      let exitCode: Int32
      let output: String
      let errors: String
      let rows: [[String: String]]
      /// What it left beside its rows.
      let entries: [String]

      /// Runs `bench run ARGUMENTS` for a Linux guest, with small sizes, or for another one.
      init(
        _ arguments: [String], guest: [String] = BenchTests.linuxGuest, environment: [String: String] = [:]
      ) throws {
        let folder = try TemporaryFolder()
        let csv = folder.file("rows.csv")
        let program = try BenchTests.start(
          arguments + ["--output", csv], guest: guest, environment: environment)
        exitCode = try program.waitForEnd(within: .seconds(240))
        output = program.output
        errors = program.errors
        let lines = ((try? String(contentsOfFile: csv, encoding: .utf8)) ?? "").split(separator: "\n")
        // No field of these rows that is checked has a comma in it, and no column comes after one that has.
        let columns = (lines.first ?? "").split(separator: ",").map(String.init)
        rows = lines.dropFirst().map { line in
          let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
          return Dictionary(zip(columns, fields)) { first, _ in first }
        }
        entries = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      }

      func values(_ column: String) -> [String] { rows.map { $0[column] ?? "" } }
      func numbers(_ column: String) -> [Double] { values(column).compactMap(Double.init) }
    }

    private static let linuxGuest = [
      "--guest", "linux", "--size", "8m", "--memory", "256m", "--warmup", "200ms", "--runtime", "1s",
      "--idle", "0",
    ]

    private static func start(
      _ arguments: [String], guest: [String] = linuxGuest, environment: [String: String] = [:]
    ) throws -> LkvmProcess {
      try LkvmProcess(
        [VirtualHost.bench.path, "run"] + guest + arguments, program: VirtualHost.benchRunner,
        environment: environment)
    }

    @Test func `the micro guest runs on AMD-V, and what it wrote is read back on every path`() throws {
      let run = try Run(
        [
          "--mode", "virtio-blk,virtio-blk-poll,vext,vext-adaptive", "--rw", "randwrite", "--iodepth", "4",
          "--size", "1m", "--requests", "200", "--warmup", "0", "--verify",
        ], guest: ["--guest", "micro"])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(run.values("kvm_backend") == ["tcg", "tcg", "tcg", "tcg"])
      #expect(run.values("verify_errors") == ["0", "0", "0", "0"])
      #expect(run.numbers("verified_blocks").allSatisfy { $0 > 0 })
      let vext = try #require(run.rows.first { $0["mode"] == "vext" })
      #expect(vext["exits_io"] == "0" && vext["exits_mmio"] == "0" && vext["exits_hlt"] == "0")
    }

    private static var leftovers: [String] {
      let folders = [NSTemporaryDirectory(), "/run/bench-scratch"]
      return folders.flatMap { (try? FileManager.default.contentsOfDirectory(atPath: $0)) ?? [] }
        .filter { $0.hasPrefix("bench") }
    }

    @Test func `blocks and ext4 on virtio-blk are measured, and each request costs an exit`() throws {
      let run = try Run(["--mode", "virtio-blk", "--fs", "none,ext4"])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(Set(run.values("fs")) == ["none", "ext4"])
      #expect(run.values("kvm_backend") == ["tcg", "tcg"])
      #expect(run.values("timing_valid") == ["false", "false"])
      #expect(run.values("errors") == ["0", "0"])
      #expect(run.numbers("ios").allSatisfy { $0 > 0 })
      #expect(run.numbers("io_vmexits_per_io").allSatisfy { $0 >= 1 })
      #expect(run.numbers("latency_p50_us").allSatisfy { $0 > 0 })
      #expect(run.entries == ["rows.csv", "rows.json"])
      #expect(Self.leftovers == [])
    }

    @Test func `exits are counted by cause: requests of virtio-blk notify, and next to nothing is left over`()
      throws
    {
      let run = try Run(["--mode", "virtio-blk,vext", "--fs", "none", "--exits", "trace", "--runtime", "2s"])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(run.values("exit_counting") == ["trace", "trace"])
      let exits = run.numbers("vmexits")
      #expect(zip(run.numbers("cause_other"), exits).allSatisfy { $0 <= 0.02 * $1 })
      #expect(zip(run.numbers("traced_vmexits"), exits).allSatisfy { abs($0 - $1) <= 0.01 * $1 + 16 })
      let notifications = run.rows.reduce(into: [:]) { counts, row in
        counts[row["mode"] ?? ""] = Double(row["cause_notify"] ?? "")
      }
      let virtio = try #require(run.rows.first { $0["mode"] == "virtio-blk" })
      let perIO = try #require(Double(virtio["vmexits_per_io"] ?? ""))
      let requests = try #require(Double(virtio["vmexits"] ?? "")) / perIO
      // How many requests lie within the window is an estimate, and the window is short.
      #expect(try #require(notifications["virtio-blk"]) >= 0.6 * requests)
      #expect(notifications["vext"] == 0)
    }

    @Test func `ext4 on the shared queue's block device is measured, and polls without exits`() throws {
      let run = try Run([
        "--mode", "vext", "--fs", "none,ext4", "--ioengine", "io_uring-hipri", "--idle", "1s",
      ])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(Set(run.values("fs")) == ["none", "ext4"])
      #expect(run.values("mode") == ["vext", "vext"])
      #expect(run.values("fio_ioengine") == ["io_uring-hipri", "io_uring-hipri"])
      #expect(run.values("errors") == ["0", "0"])
      #expect(run.numbers("ios").allSatisfy { $0 > 0 })
      #expect(run.numbers("exits_hlt").allSatisfy { $0 < 20 })
    }

    @Test func `what is written to ext4 on the shared queue's block device is read back`() throws {
      let run = try Run([
        "--mode", "vext-adaptive", "--fs", "ext4", "--workers", "2", "--rw", "randwrite", "--bs", "16k",
        "--iodepth", "4", "--verify",
      ])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(run.values("verify_errors") == ["0"])
      #expect(run.values("verified_blocks") == ["512"])
    }

    private static var hasQEMU: Bool {
      ["/usr/bin", "/usr/local/bin"].contains {
        FileManager.default.isExecutableFile(atPath: "\($0)/qemu-system-x86_64")
      }
    }

    /// Processes that are QEMU.
    private static var peers: [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).filter {
        let name = try? String(contentsOfFile: "/proc/\($0)/comm", encoding: .utf8)
        return name?.hasPrefix("qemu-system") == true
      }
    }

    @Test(.enabled(if: hasQEMU, "qemu-system-x86 is not installed"))
    func `the same guest is measured under QEMU, which is gone afterwards`() throws {
      let run = try Run(["--vmm", "qemu", "--mode", "virtio-blk", "--fs", "none"])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(run.values("vmm") == ["qemu"])
      #expect(run.values("errors") == ["0"])
      #expect(run.numbers("ios").allSatisfy { $0 > 0 })
      #expect(run.numbers("io_vmexits_per_io").allSatisfy { $0 > 0 })
      #expect(run.numbers("io_thread_cpu_s").allSatisfy { $0 > 0 })
      #expect(run.values("user_exits") == [""])
      #expect(run.output.contains("qemu:virtio-blk"))
      #expect(Self.peers == [])
      #expect(Self.leftovers == [])
    }

    @Test(.enabled(if: hasQEMU, "qemu-system-x86 is not installed"))
    func `a signal ends QEMU with its guest`() throws {
      let folder = try TemporaryFolder()
      let program = try Self.start([
        "--vmm", "qemu", "--mode", "virtio-blk", "--fs", "none", "--output", folder.file("rows.csv"),
      ])
      let end = Date(timeIntervalSinceNow: 60)
      while Self.peers.isEmpty, Date() < end { Thread.sleep(forTimeInterval: 0.1) }
      #expect(Self.peers.count == 1)
      program.signal(SIGTERM)
      #expect(try program.waitForEnd(within: .seconds(60)) == 143)
      #expect(Self.peers == [])
      #expect(Self.leftovers == [])
    }

    @Test func `what two workers write to ext4 is read back, and the file system is whole`() throws {
      let run = try Run([
        "--mode", "virtio-blk-poll", "--fs", "ext4", "--workers", "2", "--rw", "randwrite", "--bs", "16k",
        "--iodepth", "4", "--verify",
      ])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(run.values("verify_errors") == ["0"])
      #expect(run.values("verified_blocks") == ["512"])
    }

    @Test(.enabled(if: VirtualHost.hasFuseVext, "fuse-vext is not built"))
    func `what is written through fuse-vext is read back, over vext and over virtio-blk`() throws {
      let run = try Run([
        "--mode", "virtio-blk,vext", "--fs", "fuse-vext,fuse-on-virtio", "--rw", "randwrite", "--bs", "16k",
        "--verify",
      ])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(Set(run.values("fs")) == ["fuse-vext", "fuse-on-virtio"])
      #expect(run.values("verify_errors") == ["0", "0"])
      #expect(run.values("verified_blocks") == ["512", "512"])
    }

    private static func isInstalled(_ program: String) -> Bool {
      ["/usr/bin", "/usr/sbin", "/usr/local/bin"].contains {
        FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
      }
    }

    @Test(
      .enabled(if: isInstalled("mkfs.xfs"), "mkfs.xfs is not installed"),
      .enabled(if: isInstalled("fuse2fs"), "fuse2fs is not installed"))
    func `what is written to XFS and through fuse2fs is read back`() throws {
      let run = try Run([
        "--mode", "virtio-blk", "--fs", "xfs,fuse2fs-on-virtio", "--rw", "randwrite", "--bs", "16k",
        "--verify",
      ])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(Set(run.values("fs")) == ["xfs", "fuse2fs-on-virtio"])
      #expect(run.values("verify_errors") == ["0", "0"])
      #expect(run.values("verified_blocks") == ["512", "512"])
      #expect(Set(run.values("mkfs")) == ["", "ext4"])
      #expect(Self.leftovers == [])
    }

    @Test
    func `a folder of the host is measured over virtio-9p and over virtio-fs, with every kind of cache`()
      throws
    {
      let run = try Run([
        "--mode", "virtio-9p,virtio-fs", "--fs",
        "9p-none,9p-loose,virtiofs-none,virtiofs-auto,virtiofs-always", "--rw",
        "randread",
      ])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(
        Set(run.values("fs")) == ["9p-none", "9p-loose", "virtiofs-none", "virtiofs-auto", "virtiofs-always"])
      #expect(run.values("errors") == ["0", "0", "0", "0", "0"])
      #expect(run.numbers("ios").allSatisfy { $0 > 0 })
      // A thread of bench's, and virtiofsd.
      #expect(run.numbers("io_thread_cpu_s").allSatisfy { $0 > 0 }, "\(run.values("io_thread_cpu_s"))")
      #expect(run.values("disk_bytes").allSatisfy { $0 == "\(8 << 20)" })
      #expect(Self.leftovers == [])
    }

    @Test func `what is written over virtio-9p and virtio-fs is read back`() throws {
      let run = try Run([
        "--mode", "virtio-9p,virtio-fs", "--fs", "9p-none,virtiofs-none", "--rw", "randwrite", "--bs", "16k",
        "--workers", "2",
        "--verify",
      ])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(run.values("verify_errors") == ["0", "0"])
      #expect(run.values("verified_blocks") == ["512", "512"])
    }

    @Test(.enabled(if: VirtualHost.hasFuseVext, "fuse-vext is not built"))
    func `an ext2 image is read through cold caches, by the kernel and by fuse-vext`() throws {
      let run = try Run([
        "--mode", "virtio-blk,vext", "--fs", "ext4,fuse-vext", "--mkfs", "ext2", "--cold-cache", "--warmup",
        "0", "--no-direct",
        "--engine", "sync", "--ioengine", "sync", "--rw", "randread", "--runtime", "1m",
      ])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(Set(run.values("fs")).isSuperset(of: ["ext4", "fuse-vext"]))
      #expect(Set(run.values("mkfs")) == ["ext2"])
      #expect(Set(run.values("cold_cache")) == ["true"])
      #expect(Set(run.values("fio_ioengine")) == ["sync"])
      // All of the file, and nothing of it twice.
      #expect(run.values("ios").allSatisfy { $0 == "\((8 << 20) / 4096)" }, "\(run.values("ios"))")
      // A read that the guest's cache answers costs none.
      let virtio = try #require(run.rows.first { $0["mode"] == "virtio-blk" })
      #expect(try #require(Double(virtio["io_vmexits_per_io"] ?? "")) >= 0.5)
    }

    @Test(.enabled(if: VirtualHost.hasFuseVext, "fuse-vext is not built"))
    func `without a machine ext4 and fuse-vext are measured on the host's image`() throws {
      let run = try Run(
        ["--mode", "host", "--fs", "ext4,fuse-on-image", "--rw", "randwrite", "--bs", "16k"],
        guest: ["--guest", "linux", "--size", "8m", "--warmup", "200ms", "--runtime", "1s"])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(Set(run.values("fs")) == ["ext4", "fuse-on-image"])
      #expect(run.values("vmexits") == ["0", "0"])
      #expect(run.numbers("ios").allSatisfy { $0 > 0 })
      #expect(run.numbers("vcpu_cpu_s").allSatisfy { $0 > 0 })
      #expect(Self.leftovers == [])
    }

    @Test func `each phase of a job file is a row with its own window and exits`() throws {
      let folder = try TemporaryFolder()
      let job = folder.file("phases.fio")
      let text = """
        [global]
        ioengine=libaio   ; asynchronous
        direct=1
        bs=${BS}
        time_based
        [reader]
        rw=randread
        runtime=2
        [writer]
        stonewall
        rw=randwrite
        runtime=3
        numjobs=2
        gtod_reduce=1
        """
      try Data(text.utf8).write(to: URL(filePath: job))
      let run = try Run(
        ["--mode", "virtio-blk", "--fs", "none", "--job", job], environment: ["BS": "8k"])
      #expect(run.exitCode == 0, "\(run.errors)\(run.output)")
      #expect(run.values("fio_group") == ["reader", "writer"])
      #expect(run.values("rw") == ["randread", "randwrite"])
      #expect(run.values("block_bytes") == ["8192", "8192"])
      #expect(run.values("fio_numjobs") == ["", "2"])
      #expect(run.numbers("runtime_s") == [2, 3])
      let windows = run.numbers("window_s")
      // A phase of an emulated guest ends late; a window of both would have the five seconds that they take together.
      #expect(windows.count == 2 && windows[0] > 0.5 && windows[1] > 1, "\(windows)")
      #expect(windows.allSatisfy { $0 < 5 }, "\(windows)")
      // Each request costs exits, and those of one phase are not the other's.
      #expect(run.numbers("io_vmexits_per_io").allSatisfy { $0 >= 0.5 && $0 < 20 })
      #expect(run.values("latency_p50_us").map(\.isEmpty) == [false, true])
      #expect(run.values("errors") == ["0", "0"])
      #expect(run.output.contains("phase writer: randwrite, bs 8k, iodepth 1, libaio, 2 jobs, 3s"))
      #expect(Self.leftovers == [])
    }

    @Test func `a job that fio refuses is one failure before any boot, and no row`() throws {
      let folder = try TemporaryFolder()
      let job = folder.file("bad.fio")
      try Data("[bad]\nrw=no-such-pattern\n".utf8).write(to: URL(filePath: job))
      let run = try Run(["--mode", "virtio-blk", "--fs", "none", "--job", job])
      #expect(run.exitCode == 65)
      #expect(
        run.errors.contains("fio does not take the job file bad.fio: failed parsing rw=no-such-pattern"))
      #expect(run.rows.isEmpty)
      #expect(Self.leftovers == [])
    }

    @Test func `a signal ends the guests, and nothing is left behind`() throws {
      let folder = try TemporaryFolder()
      let program = try Self.start([
        "--mode", "virtio-blk", "--fs", "none", "--runtime", "1h", "--output", folder.file("rows.csv"),
      ])
      // Its disk is made by then, and its guest is on the way.
      Thread.sleep(forTimeInterval: 15)
      #expect(program.isRunning)
      program.signal(SIGINT)
      #expect(try program.waitForEnd(within: .seconds(60)) == 130)
      #expect(program.errors.contains("interrupted after 0 of 1 boots"))
      #expect(Self.leftovers == [])
    }
  }
}
