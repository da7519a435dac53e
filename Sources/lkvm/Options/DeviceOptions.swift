import ArgumentParser
import Hypervisor

/// What is plugged into the machine.
struct DeviceOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Disk: an image, a block device, or the folder or the name of a root file system; repeatable.",
      valueName: "path[,ro][,direct][,format=raw]"))
  var disk: [DiskOption] = []

  @Option(
    help: ArgumentHelp(
      "Disk served through the vext queue; repeatable.",
      valueName: "path[,queues=N][,ro][,direct][,format=raw]"))
  var vext: [VextOption] = []

  @Option(help: "Queues of each virtio-blk disk. Default: one for each vCPU.")
  var diskQueues: Int?

  @Option(help: "How disk requests are carried out: libaio, io_uring or sync.")
  var ioEngine: IOEngineOption = .libaio

  @Flag(help: "Let notifications of virtio queues come through user space.")
  var noIoeventfd = false

  @Option(
    name: .customLong("9p"),
    help: ArgumentHelp("Folder of the host's to share by virtio-9p; repeatable.", valueName: "dir,tag[,ro]"))
  var shares: [ShareOption] = []

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Network: mode=user|tap|none,guest_mac=,host_mac=,guest_ip=,host_ip=,script=,downscript=,tapif=,fd=,mq=; "
        + "repeatable. Default: one user-mode network.", valueName: "key=value,..."))
  var network: [String] = []

  @Flag(help: "Leave the guest's network to itself: no address by kernel parameter.")
  var noDhcp = false

  @Flag(help: "Entropy device.")
  var rng = false

  @Flag(help: "Memory balloon.")
  var balloon = false

  @Option(help: "The guest's console on this terminal: serial or virtio.")
  var console: ConsoleOption = .serial

  @Option(help: ArgumentHelp("Put serial port N (0 to 3) on a pseudo-terminal; repeatable.", valueName: "n"))
  var tty: [Int] = []

  @Option(help: "Interface of the virtio devices: pci or pci-legacy.")
  var virtioTransport: VirtioTransportOption = .pci

  @Option(help: ArgumentHelp("KVM's device file.", valueName: "path"))
  var dev: String = KVMSystem.defaultPath

  func validate() throws {
    if let number = tty.first(where: { !(0...3).contains($0) }) {
      throw ValidationError("--tty \(number): there are serial ports 0 to 3")
    }
    if let target = disk.first(where: \.isSCSI) {
      throw ValidationError("--disk \(target.path): scsi is not supported yet")
    }
    if let diskQueues, !(1...64).contains(diskQueues) {
      throw ValidationError("--disk-queues \(diskQueues): a disk has 1 to 64 queues")
    }
  }
}
