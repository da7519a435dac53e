import ArgumentParser

/// The file or block device behind the guests' disks.
struct DiskOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "An image or block device, shared by all guests; rw that writes overwrites it. "
        + "Default: a file for each guest, made beside the results and removed.",
      valueName: "path"))
  var disk: String?

  @Flag(inversion: .prefixedNo, help: "Leave out the page cache (O_DIRECT).")
  var direct = true
}
