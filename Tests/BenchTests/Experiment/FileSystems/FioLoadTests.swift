import Testing

@testable import Bench

struct FioLoadTests {
  private func command(_ workload: HostWorkload) -> [String] {
    FioLoad(workload: workload, size: ByteSize(byteCount: 1 << 20), runtime: .milliseconds(1500), seed: 5)
      .command(in: "/m")
  }

  @Test(
    "reads and writes with O_DIRECT use the file of the image for the given time",
    arguments: [HostWorkload.randomRead, .randomReadParallel, .randomWrite, .read, .write])
  func direct(workload: HostWorkload) {
    let words = command(workload)
    for word in [
      "--filename=/m/data", "--allow_file_create=0", "--direct=1", "--time_based", "--runtime=1500000us",
      "--size=1048576", "--randseed=5",
    ] {
      #expect(words.contains(word))
    }
  }

  @Test("streams go through the page cache to the end of the file, and a new file is flushed")
  func streams() {
    for workload in [HostWorkload.streamRead, .streamWrite] {
      #expect(command(workload).contains("--direct=0"))
      #expect(!command(workload).contains("--time_based"))
    }
    #expect(command(.streamRead).contains("--filename=/m/data"))
    #expect(command(.streamWrite).contains("--filename=/m/data-new"))
    #expect(command(.streamWrite).contains("--end_fsync=1"))
  }
}
