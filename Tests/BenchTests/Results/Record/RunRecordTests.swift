import Hypervisor
import Testing

@testable import Bench

struct RunRecordTests {
  @Test("the columns are those of the design, in its order, and only then others")
  func columns() {
    let designed = """
      schema_version run_id started_at git_revision dirty host_cpu host_kernel kvm_backend timing_valid numa_nodes \
      mode vmm guest guests workers io_threads engine rw block_bytes iodepth direct disk_bytes runtime_s \
      io_thread_cpus vcpu_cpus numa_node oversubscribed ios iops bandwidth_mib_s latency_mean_us latency_p50_us \
      latency_p90_us latency_p99_us latency_p99_9_us latency_max_us errors vmexits vmexits_per_io io_vmexits \
      io_vmexits_per_io exits_io exits_mmio exits_hlt exits_hypercall exits_irq irq_injections user_exits \
      io_thread_cpu_s vcpu_cpu_s iops_per_cpu_s
      """.split(separator: " ").map(String.init)
    let columns = RecordColumns.all.map { $0.name }
    #expect(Array(columns.prefix(designed.count)) == designed)
    #expect(Set(columns).count == columns.count)
  }

  @Test("derived metrics follow from what was measured")
  func derivedMetrics() {
    let record = RunFixture.record
    #expect(record.bandwidthMiBPerSecond == 2000.0 * 4096 / 1_048_576)
    #expect(record.vmexitsPerIO == 1.5)
    #expect(record.ioVMExits == 1250)
    #expect(record.ioVMExitsPerIO == 1.25)
    #expect(record.iopsPerCPUSecond == 1000 / 1.25)
    #expect(record.latencyMeanMicroseconds == 10)
    #expect(record.latencyMaxMicroseconds == 10)
  }

  @Test(
    "requests per CPU second are of one window: half the time for the same work doubles them, and no more")
  func requestsByCPUTime() {
    var measurement = RunFixture.measurement()
    let slow = RunRecord(context: RunFixture.context, cell: RunFixture.cell, measurement: measurement)
    // A window that ends with its work is half as long, and its rate twice as high.
    measurement.iops *= 2
    measurement.windowSeconds /= 2
    measurement.ioThreadCPUSeconds /= 2
    measurement.vcpuCPUSeconds /= 2
    let fast = RunRecord(context: RunFixture.context, cell: RunFixture.cell, measurement: measurement)
    #expect(fast.iopsPerCPUSecond == 2 * slow.iopsPerCPUSecond)
  }

  @Test("a polling thread's share of its CPU is recorded, a sleeping one's is not")
  func cpuShares() {
    let measurement = RunFixture.measurement()
    let vext = RunRecord(context: RunFixture.context, cell: RunFixture.cell, measurement: measurement)
    #expect(vext.ioThreadCPUShare == 1)
    // Two vCPUs shared 0.75 s in half a second.
    #expect(vext.vcpuCPUShare == 0.75)
    var cell = RunFixture.cell
    cell.mode = .virtioBlock
    let virtio = RunRecord(context: RunFixture.context, cell: cell, measurement: measurement)
    #expect(virtio.ioThreadCPUShare == nil)
    #expect(virtio.vcpuCPUShare == nil)
  }

  @Test("a guest that answered nothing gives zeros, not infinities")
  func nothingAnswered() {
    var measurement = RunFixture.measurement(iops: 0)
    measurement.requests = 0
    measurement.bytes = 0
    measurement.latency = LatencyDistribution()
    measurement.ioThreadCPUSeconds = 0
    measurement.vcpuCPUSeconds = 0
    let record = RunRecord(context: RunFixture.context, cell: RunFixture.cell, measurement: measurement)
    #expect(record.vmexitsPerIO == 0)
    #expect(record.ioVMExitsPerIO == 0)
    #expect(record.bandwidthMiBPerSecond == 0)
    #expect(record.iopsPerCPUSecond == 0)
    #expect(record.latencyMeanMicroseconds == 0)
    #expect(record.latencyP99Microseconds == 0)
  }

  @Test("a Linux guest's window is a part of fio's phase, and exits relate to that part's requests")
  func partOfThePhase() throws {
    var measurement = RunFixture.linuxMeasurement()
    measurement.linux?.measuredSeconds = 1
    var cell = RunFixture.cell
    cell.fileSystem = .fuseVext
    let record = RunRecord(context: RunFixture.context, cell: cell, measurement: measurement)
    #expect(record.ios == 1000)
    #expect(record.vmexitsPerIO == 3)
    #expect(record.ioVMExitsPerIO == 2.5)
    #expect(record.idleIOVMExitsPerSecond == 1000)
    #expect(record.ioVMExitsPerIOBeyondIdle == 1.5)
    #expect(record.fileSystem == .fuseVext)
    #expect(record.fioVersion == "fio-3.33")
    #expect(record.guestKernel == "6.1.0-56-amd64")
  }

  @Test("more interrupts than exits leave no I/O exits, and do not trap")
  func inconsistentCounters() {
    #expect(ExitCounts(total: 5, irq: 6).ioPath == 0)
  }
}
