import ArgumentParser

/// What the guest boots.
struct KernelOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Kernel: a bzImage or an ELF vmlinux. Default: the running host's.", valueName: "file")
  )
  var kernel: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Initial RAM disk. Default: one made from the kernel's modules.", valueName: "file"))
  var initrd: String?

  @Option(name: .shortAndLong, help: "Kernel parameters, after those that lkvm gives.")
  var params: [String] = []

  @Option(
    help: ArgumentHelp("Script of the host's to run in the guest over the host's files.", valueName: "script")
  )
  var sandbox: String?

  @Flag(help: "Give the kernel no parameters but --params, and the machine no devices but those asked for.")
  var nodefaults = false
}
