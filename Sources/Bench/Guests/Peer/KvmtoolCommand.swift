import Hypervisor

/// How kvmtool is started for a guest. It puts the console on standard output.
struct KvmtoolCommand {
  /// The guest.
  let guest: PeerGuest
  /// What its kernel boots with.
  let linux: PeerGuest.Linux

  /// What kvmtool calls a disk's thread.
  static let ioThreadName = "virtio-blk-io"
  /// What it calls the thread of a vCPU, without the number.
  static let vcpuThreadPrefix = "kvm-vcpu-"

  /// The arguments, without the program. kvmtool has one queue a disk, and asks the kernel for nothing but libaio.
  var arguments: [String] {
    let disk = guest.disk
    let options = (disk.isReadOnly ? ",ro" : "") + (disk.isDirect ? ",direct" : "")
    return [
      "run", "--name", guest.name, "--kernel", linux.kernelPath, "--initrd", linux.initrdPath,
      "--params", linux.commandLine, "--mem", "\(guest.memory.byteCount >> 20)",
      "--cpus", "\(guest.vcpuCount)", "--console", "serial", "--network", "mode=none",
      "--disk", disk.path + options,
    ] + linux.shares.flatMap { ["--9p", "\($0.directory),\($0.tag)"] }
  }
}
