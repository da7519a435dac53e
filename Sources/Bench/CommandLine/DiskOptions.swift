import ArgumentParser
import Foundation

/// The file or block device behind the guests' disks.
struct DiskOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "An image or block device, shared by all guests; rw that writes and a file system overwrite it. "
        + "Default: a file for each guest, made beside the results and removed.",
      valueName: "path"))
  var disk: String?

  @Option(
    help: ArgumentHelp(
      "Where bench makes disks of its own. Default: the variable BENCH_SCRATCH, else beside the results.",
      valueName: "folder"))
  var scratch: String?

  @Flag(help: "Empty the host's page cache before each boot (root).")
  var dropCaches = false

  @Flag(
    help:
      "Begin with cold caches: right before fio, empty each guest's cache and drop the disk from the host's. Linux guests only, with --warmup 0; each block is used once."
  )
  var coldCache = false

  @Flag(inversion: .prefixedNo, help: "Leave out the page cache (O_DIRECT).")
  var direct = true

  /// The folder that was chosen for bench's own disks, if any.
  var scratchFolder: String? { scratch ?? ProcessInfo.processInfo.environment["BENCH_SCRATCH"] }
}
