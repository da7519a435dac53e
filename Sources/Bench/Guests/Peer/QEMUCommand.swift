import Foundation
import Hypervisor

/// How QEMU is started for a guest.
struct QEMUCommand {
  /// The program, unless `--vmm-path` names another.
  static let program = "qemu-system-x86_64"
  /// The Debian package that has it.
  static let package = "qemu-system-x86"
  /// From so much RAM on, QEMU's q35 puts a part of it above 4 GiB, where a micro guest does not look.
  static let lowMemoryLimit: UInt64 = 0xB000_0000
  /// The iothread's id: QMP tells which thread that is.
  static let ioThreadID = "io0"

  /// The guest.
  let guest: PeerGuest
  /// What executes guest code on the host.
  let backend: KVMBackend

  /// The CPU that the guest sees: the host's own. On a CPU that QEMU itself emulates (the virtual host of
  /// scripts/testbed) Linux loops for ever with it, and on a software KVM QEMU has ended over a register that there was not.
  private var cpu: String {
    switch backend {
    case .tcg: "EPYC,-svm,+x2apic"
    case .pvm: "qemu64,+x2apic"
    case .vmx, .svm, .none: "host"
    }
  }

  /// The arguments, without the program. The guest runs once the monitor, on standard input and output, gets the command.
  var arguments: [String] {
    [
      "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-S",
      "-name", "\(Self.quoted(guest.name)),debug-threads=on",
      "-machine", "q35,accel=kvm,memory-backend=ram", "-cpu", cpu,
      "-smp", "\(guest.vcpuCount)",
      "-m", "size=\(guest.memory.byteCount >> 20)M",
      "-object", memoryBackend + ",prealloc=on,host-nodes=\(guest.memoryNode),policy=bind",
      "-chardev", "stdio,id=monitor,signal=off", "-mon", "chardev=monitor,mode=control",
    ] + bootArguments + diskArguments
  }

  private var memoryBackend: String {
    let identity = "id=ram,size=\(guest.memory.byteCount)"
    return switch guest.boot {
    case .linux: "memory-backend-ram,\(identity)"
    case .firmware(_, let ramPath):
      "memory-backend-file,\(identity),share=on,mem-path=\(Self.quoted(ramPath))"
    }
  }

  private var bootArguments: [String] {
    switch guest.boot {
    case .linux(let linux):
      [
        "-kernel", linux.kernelPath, "-initrd", linux.initrdPath, "-append", linux.commandLine,
        "-chardev", "file,id=console,path=\(Self.quoted(linux.consolePath))", "-serial", "chardev:console",
        "-device", "pvpanic-pci",
      ] + linux.shares.enumerated().flatMap(Self.share)
    case .firmware(let imagePath, _): ["-bios", imagePath]
    }
  }

  private static func share(_ index: Int, _ share: GuestConfiguration.Share) -> [String] {
    [
      "-fsdev",
      "local,id=share\(index),path=\(quoted(share.directory)),security_model=none,multidevs=remap,"
        + "readonly=\(share.isReadOnly ? "on" : "off")",
      "-device", "virtio-9p-pci,fsdev=share\(index),mount_tag=\(quoted(share.tag)),disable-legacy=on",
    ]
  }

  private var diskArguments: [String] {
    ["-object", "iothread,id=\(Self.ioThreadID)"]
      + blockDevices.flatMap { ["-blockdev", $0] }
      + [
        "-device",
        "virtio-blk-pci,drive=disk,iothread=\(Self.ioThreadID),num-queues=\(guest.vcpuCount),"
          + "queue-size=\(VirtioBlock.queueDepthLimit),disable-legacy=on,addr=\(diskDevice)",
      ]
  }

  private var diskDevice: Int {
    switch guest.boot {
    case .linux: 0x10
    case .firmware: PeerFirmware.diskDevice
    }
  }

  private var blockDevices: [String] {
    let disk = guest.disk
    let access = "read-only=\(disk.isReadOnly ? "on" : "off")"
    let cache = "cache.direct=\(disk.isDirect ? "on" : "off")"
    let aio: String
    switch disk.engine {
    case .null: return ["driver=null-co,node-name=disk,size=\(disk.byteCount),read-zeroes=off,\(access)"]
    case .ioUring: aio = "io_uring"
    case .libaio: aio = "native"
    case .sync, .memory: aio = "threads"
    }
    return [
      "driver=\(disk.isBlockDevice ? "host_device" : "file"),node-name=file,filename=\(Self.quoted(disk.path)),"
        + "aio=\(aio),\(cache),\(access),auto-read-only=off,locking=off,discard=unmap",
      "driver=raw,node-name=disk,file=file,\(cache),\(access),discard=unmap",
    ]
  }

  /// A value in a list of options: a comma in it is doubled.
  static func quoted(_ value: String) -> String { value.replacingOccurrences(of: ",", with: ",,") }
}
