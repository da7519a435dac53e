import ArgumentParser

/// What the guests do, in the words of a fio job.
struct WorkloadOptions: ParsableArguments {
  @Option(help: "Pattern of the requests.")
  var rw = RWKind.randread

  @Option(name: .customLong("bs"), help: "Bytes per request, a multiple of 512: 4k, 1m.")
  var blockSize = ByteSize(byteCount: 4096)

  @Option(help: "Requests in flight per worker.")
  var iodepth = 1

  @Option(
    name: .customLong("size"),
    help: "Bytes of the disk that are used, from its start. Default: 256m, or all of a smaller --disk.")
  var regionSize: ByteSize?

  @Option(help: "Length of the measured window: 3s, 500ms, 1.5. Default: 3s, or until --requests are done.")
  var runtime: TimeSpan?

  @Option(help: "How long the guests work before the window opens.")
  var warmup = TimeSpan.milliseconds(500)

  @Option(
    help: "Let each worker idle whenever its requests are answered: 100us, 1s. Default: not at all.")
  var thinkTime: TimeSpan?

  @Option(name: .customLong("requests"), help: "End the window after this number of requests of each worker.")
  var requestLimit: UInt64?

  @Flag(help: "Mark each I/O block with its offset and a sequence number, and check what is read.")
  var verify = false

  @Option(help: "Seed of the order of the modes and of the workload. Default: a new one, which is recorded.")
  var seed: UInt64?
}
