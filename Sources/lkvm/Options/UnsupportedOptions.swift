import ArgumentParser

/// Options of kvmtool's that are recognized and refused, so that nobody thinks they had an effect.
struct UnsupportedOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Firmware image (not supported yet).")
  var firmware: String?

  @Option(help: "Context ID of a vsock device (not supported yet).")
  var vsock: String?

  @Flag(help: "Frame buffer by VNC (not supported yet).")
  var vnc = false

  @Flag(help: "Frame buffer by SDL (not supported yet).")
  var sdl = false

  @Option(help: "Guest memory from this hugetlbfs mount (not supported yet).")
  var hugetlbfs: String?

  @Option(help: "Shared memory device (not supported yet).")
  var shmem: [String] = []

  @Option(help: "PCI device to pass through (not supported yet).")
  var vfioPci: [String] = []

  @Option(help: "Video mode of a real-mode kernel (not supported yet).")
  var vidmode: String?

  func validate() throws {
    let used: [(String, Bool)] = [
      ("--firmware", firmware != nil), ("--vsock", vsock != nil), ("--vnc", vnc), ("--sdl", sdl),
      ("--hugetlbfs", hugetlbfs != nil), ("--shmem", !shmem.isEmpty), ("--vfio-pci", !vfioPci.isEmpty),
      ("--vidmode", vidmode != nil),
    ]
    if let (name, _) = used.first(where: \.1) { throw ValidationError("\(name) is not supported yet") }
  }
}
