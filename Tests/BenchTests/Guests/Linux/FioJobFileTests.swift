import Foundation
import Testing

@testable import Bench

/// What bench makes of a user's job file: phases, rows, and the text that fio gets.
struct FioJobFileTests {
  private static func file(_ text: String) throws -> FioJobFile {
    try FioJobFile(name: "x.fio", sections: FioJobReader(text: text).sections)
  }

  private static func refusal(_ text: String) -> String {
    do {
      _ = try file(text)
      return "taken"
    } catch {
      return "\(error)"
    }
  }

  @Test
  func `a job keeps its options and those of the global sections before it, but for file, size and order`()
    throws
  {
    var file = try Self.file(
      """
      [global]
      ioengine=io_uring
      filename=/mnt/data
      size=10g
      direct=1
      bs=8k
      [writer]
      rw=randwrite
      directory=/elsewhere
      iodepth=32
      nrfiles=4
      [global]
      bs=4k
      [reader]
      stonewall
      rw=read
      filesize=1g
      """)
    #expect(file.phases.map(\.name) == ["writer", "reader"])
    #expect(
      try file.phases.map { try $0.text(for: "/dev/vda", byteCount: 1 << 20) } == [
        """
        [writer]
        ioengine=io_uring
        direct=1
        bs=8k
        rw=randwrite
        iodepth=32
        filename=/dev/vda
        size=1048576
        lat_percentiles=1

        """,
        """
        [reader]
        ioengine=io_uring
        direct=1
        bs=8k
        bs=4k
        rw=read
        filename=/dev/vda
        size=1048576
        lat_percentiles=1

        """,
      ])
    let fileChange =
      "filename=/mnt/data, directory=/elsewhere, nrfiles=4, filesize=1g are replaced by bench's file or device"
    #expect(
      file.changeNote
        == "file name and size are bench's; \(fileChange); size=10g is replaced by bytes within --size; "
        + "stonewall is replaced by phases; lat_percentiles=1 is added")
    file.nameChanges(byteCount: 256 << 20)
    #expect(
      file.changeNote
        == "file name and size are bench's; \(fileChange); size=10g is replaced by 256m; "
        + "stonewall is replaced by phases; lat_percentiles=1 is added")
  }

  @Test func `a phase ends at stonewall and at its alias, and where a job waits for the only one before it`()
    throws
  {
    func phases(_ text: String) throws -> [String] { try Self.file(text).phases.map(\.name) }
    #expect(try phases("[a]\n[b]\n[c]\nstonewall\n[d]\n") == ["a+b", "c+d"])
    #expect(try phases("[a]\n[b]\nwait_for_previous=1\n[c]\nstonewall=0\n") == ["a", "b+c"])
    #expect(try phases("[global]\nstonewall\n[a]\n[b]\n[c]\n") == ["a", "b", "c"])
    #expect(try phases("[a]\n[b]\nwait_for=a\n[c]\nwait_for=a\n") == ["a", "b+c"])
    #expect(try phases("[a]\n[b]\nwait_for=a\n[c]\nwait_for=b\n") == ["a", "b", "c"])
    #expect(try phases("[a]\n[b]\nstonewall\n[c]\nwait_for=a\n") == ["a", "b+c"])
    #expect(try phases("[global_more]\nbs=8k\n[a]\n") == ["a"])
    #expect(
      Self.refusal("[a]\n[b]\n[c]\nwait_for=a\n").contains("their exits cannot be separated: use stonewall"))
    #expect(Self.refusal("[a]\nwait_for=b\n[b]\n").contains("'b', which is not an earlier job"))
    let many = (0..<65).map { "[j\($0)]\nstonewall\n" }.joined()
    #expect(Self.refusal(many).contains("65 phases; bench takes up to 64"))
  }

  @Test func `phases of one name are numbered, and a single one has no name`() throws {
    let file = try Self.file("[a]\n[a]\nstonewall\n[b]\nstonewall\n")
    #expect((0..<3).map { file.groupName(ofPart: $0) } == ["a.1", "a.2", "b"])
    #expect(try Self.file("[a]\n").groupName(ofPart: 0) == nil)
  }

  @Test func `the line of changes says from what to what, and nothing of what stays`() throws {
    var file = try Self.file(
      "[a]\nsize=50%\noffset=64k\nnew_group=0\ngroup_reporting\nwrite_bw_log=x\nlat_percentiles=0\n")
    file.nameChanges(byteCount: 1 << 20)
    #expect(
      file.changes
        == "size=50% is replaced by 512k; group_reporting is left out: bench sums up a group's jobs; "
        + "write_bw_log=x is left out: logs would stay in the guest")
  }

  @Test func `new_group divides a phase into rows, and a line says what they share`() throws {
    let file = try Self.file(
      "[a]\nnumjobs=2\n[b]\n[c]\nnew_group\nrw=write\n[d]\nstonewall\nnew_group\n[e]\nwait_for=d\n")
    #expect(file.phases.map(\.name) == ["a+b+c", "d", "e"])
    #expect(file.parts.map(\.name) == ["a+b", "c", "d", "e"])
    #expect(file.parts.map(\.rw) == ["read", "write", "read", "read"])
    #expect((0..<3).map { file.parts(ofPhase: $0) } == [0..<2, 2..<3, 3..<4])
    #expect((0..<4).map { file.groupName(ofPart: $0) } == ["a+b of a+b+c", "c of a+b+c", "d", "e"])
    #expect(file.groupNote?.hasPrefix("rows of the groups of a+b+c: requests and latencies are each") == true)
    #expect(try Self.file("[a]\n[b]\n").groupNote == nil)
    #expect(try !file.phases[0].text(for: "/dev/vda", byteCount: 1 << 20).contains("new_group"))
  }

  @Test(arguments: [
    ("[a]\nruntime=1\ntime_based\n[b]\nruntime=10\ntime_based\n", "differ in runtime (1, 10)"),
    ("[a]\ntimeout=1\n[b]\nruntime=10\n", "differ in runtime (1, 10)"),
    ("[a]\n[b]\nramp_time=5s\n", "differ in ramp_time (0, 5s)"),
    ("[a]\nruntime=60\n[b]\nruntime=1m\n", "taken"), ("[a]\nruntime=10\n[b]\n", "taken"),
    ("[a]\nruntime=1\n[b]\nstonewall\nruntime=10\n", "taken"),
  ])
  func `jobs of a phase that measure at different times are refused`(text: String, words: String) {
    let refusal = Self.refusal(text)
    #expect(refusal.contains(words), "\(refusal)")
    #expect(words == "taken" || refusal.contains("no common window; use stonewall"))
  }

  @Test func `more jobs at a time than fio runs are refused`() {
    #expect(Self.refusal("[a]\nnumjobs=4096\n") == "taken")
    #expect(Self.refusal("[a]\nnumjobs=4096\n[b]\nstonewall\n") == "taken")
    #expect(
      Self.refusal("[a]\nnumjobs=4096\n[b]\n").contains(
        "4097 jobs run at the same time (a+b); fio takes up to 4096: lower numjobs"))
  }

  @Test func `the row has what the job says`() throws {
    let phase = try Self.file(
      "[a]\nrw=randrw\nbssplit=4k/60:64k/40\niodepth=32\ndirect\nioengine=libaio\nnumjobs=4\nthread\nrate_iops=500\n"
        + "runtime=2m\nramp_time=500ms\nverify=crc32c\n"
    ).phases[0]
    #expect(phase.rw == "randrw")
    #expect(phase.blockByteCount == 4096)
    #expect(phase.blockSizes == "bssplit=4k/60:64k/40")
    #expect(phase.iodepth == 32 && phase.isDirect && phase.ioengine == "libaio")
    #expect(phase.jobCount == 4 && phase.usesThreads && phase.rate == "rate_iops=500")
    #expect(phase.runtime?.seconds == 120 && phase.warmup.seconds == 0.5 && phase.verifies)
    #expect(
      phase.summary
        == "randrw, bssplit=4k/60:64k/40, iodepth 32, libaio, 4 jobs, rate_iops=500, 120s")
    let bare = try Self.file("[x]\n").phases[0]
    #expect(bare.rw == "read" && bare.blockByteCount == 4096 && bare.blockSizes == nil && bare.iodepth == 1)
    #expect(!bare.isDirect && bare.ioengine == "" && bare.jobCount == 1 && bare.rate == nil)
    #expect(bare.runtime == nil && !bare.verifies && !bare.usesThreads)
  }

  @Test(
    arguments: [
      ("rw=randwrite\nbs=8k,16k", 16384, nil), ("rw=read\nbs=8k,16k", 8192, nil),
      ("rw=randrw:3\nblocksize=8k,16k", 8192, "bs=8k,16k"), ("rw=rw\nbs=8k,8k", 8192, nil),
      ("bsrange=4k-1m", 4096, "bsrange=4k-1m"), ("bs=$pagesize", 4096, nil), ("bs=2M", 2_097_152, nil),
    ] as [(String, UInt64, String?)])
  func `block sizes are one number, and the rest as written`(options: String, bytes: UInt64, text: String?)
    throws
  {
    let phase = try Self.file("[a]\n\(options)\n").phases[0]
    #expect(phase.blockByteCount == bytes)
    #expect(phase.blockSizes == text)
  }

  @Test func `jobs of a phase that differ are named together`() throws {
    let phase = try Self.file("[a]\nrw=read\nbs=1m\niodepth=4\n[b]\nrw=randwrite\ndirect=1\nnumjobs=2\n")
      .phases[0]
    #expect(phase.name == "a+b" && phase.rw == "read+randwrite" && phase.blockSizes == "bs=1m+bs=4k")
    #expect(phase.iodepth == 4 && phase.jobCount == 3 && !phase.isDirect)
  }

  @Test(arguments: [
    ("size=50%", ["size=524288"]), ("size=64k", ["size=65536"]), ("size=1t", ["size=1048576"]),
    ("", ["size=1048576"]),
    ("offset=25%", ["size=786432", "offset=262144"]),
    ("fileoffset=64k\nsize=64k", ["size=65536", "offset=65536"]),
    ("offset_increment=25%\nnumjobs=4", ["size=262144", "offset_increment=262144"]),
  ])
  func `size and offset stay within what bench uses, and percentages are of that`(
    options: String, lines: [String]
  )
    throws
  {
    let job = try Self.file("[a]\n\(options)\n").phases[0].jobs[0]
    #expect(try FioJobPlace(job, byteCount: 1 << 20).options.map(\.line) == lines)
  }

  @Test(arguments: [
    "offset=1m", "size=2k", "bs=64k\nsize=32k", "bsrange=8k-64k\nsize=4k", "bs=1m\noffset=4k",
    "offset_increment=512k\nnumjobs=3", "offset=3z", "size=0", "size=101%",
    "offset_increment=8e\nnumjobs=4000", "offset_increment=8191p\nnumjobs=4000",
  ])
  func `a job with values outside of bench's limits is refused`(options: String) throws {
    let job = try Self.file("[a]\n\(options)\n").phases[0].jobs[0]
    #expect(throws: BenchFailure.self) { try FioJobPlace(job, byteCount: 1 << 20) }
  }

  @Test func `what spoils a measurement is refused with its reason, unless it says no`() {
    #expect(
      Self.refusal("[a]\nfill_fs=1\n").contains(
        "bench does not take fill_device (job a): it writes beyond --size"))
    #expect(Self.refusal("[global]\nexec_prerun=/bin/true\n[a]\n").contains("exec_prerun"))
    #expect(Self.refusal("[a]\nfill_device=0\n") == "taken")
    #expect(Self.refusal("[a]\nbs_is_seq_rand=1\n").contains("a sequential and a random size"))
    #expect(Self.refusal("[a]\nioengine=net\nhostname=x\n").contains("does not use the file or device"))
    #expect(Self.refusal("[a]\nmem_align=4k\nsqthread_poll=1\nfixedbufs\n") == "taken")
    for line in ["bs=(4*1k)", "iodepth=$ncpus", "numjobs=0", "bssplit=x", "iodepth"] {
      #expect(Self.refusal("[a]\n\(line)\n").contains("bench cannot read \(line); write one number"))
    }
    #expect(Self.refusal("[global]\nrw=read\n").contains("has no job"))
  }

  @Test(arguments: ["disable_lat=1", "gtod_reduce=1", "lat_percentiles=0"])
  func `latencies that the job speaks of are left to it`(option: String) throws {
    let file = try Self.file("[a]\n\(option)\n")
    #expect(file.changeNote == "file name and size are bench's")
    #expect(try !file.phases[0].text(for: "/dev/vda", byteCount: 4096).contains("lat_percentiles=1"))
  }

  @Test(.enabled(if: CommandRun.find("fio") != nil, "fio is not installed"))
  func `fio on the host reads what fio in the guest will get`() throws {
    let file = try Self.file(
      "[a]\nrw=randrw\nbssplit=4k/60:64k/40\nwrite_bw_log=x\n[b]\nstonewall\nsize=50%\n")
    let texts = try file.phases.map { try $0.text(for: "/dev/vda", byteCount: 1 << 20) }
    try FioParseCheck.check(texts, of: file.name)
    let failure = #expect(throws: BenchFailure.self) {
      try FioParseCheck.check(texts + ["[a]\nrw=bogus\n"], of: "bogus.fio")
    }
    #expect(
      failure?.description
        == "fio does not take the job file bogus.fio: failed parsing rw=bogus; job a dropped")
    #expect(failure?.exitCode == .dataError)
  }

  @Test(
    .enabled(if: CommandRun.find("fio") != nil, "fio is not installed"),
    arguments: ["libaio", "psync", "mmap", "null", "io_uring"])
  func `engines that fio has are taken, with options of their own or without`(engine: String) throws {
    try FioParseCheck.check(["[a]\nioengine=\(engine)\n"], of: "a.fio")
  }

  @Test(.enabled(if: CommandRun.find("fio") != nil, "fio is not installed"))
  func `an engine that fio has not is refused before a guest boots`() throws {
    let failure = #expect(throws: BenchFailure.self) {
      try FioParseCheck.check(["[a]\nioengine=null\n[b]\nioengine=bogus\n"], of: "a.fio")
    }
    #expect(failure?.description == "the job file a.fio: fio has no ioengine bogus")
    #expect(failure?.exitCode == .dataError)
  }
}
