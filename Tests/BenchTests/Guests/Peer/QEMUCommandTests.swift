import Hypervisor
import Testing

@testable import Bench

struct QEMUCommandTests {
  private func arguments(_ guest: PeerGuest, _ backend: KVMBackend = .vmx) -> [String] {
    QEMUCommand(guest: guest, backend: backend).arguments
  }

  /// The values of `option`, in order.
  private func values(_ option: String, _ arguments: [String]) -> [String] {
    zip(arguments, arguments.dropFirst()).filter { $0.0 == option }.map(\.1)
  }

  @Test("the guest waits for the monitor, ends with its machine, and has nothing that was not asked for")
  func machine() {
    let arguments = arguments(PeerFixture.guest)
    #expect(Set(arguments).isSuperset(of: ["-S", "-no-reboot", "-nodefaults", "-no-user-config"]))
    #expect(values("-machine", arguments) == ["q35,accel=kvm,memory-backend=ram"])
    #expect(values("-smp", arguments) == ["2"])
    #expect(values("-m", arguments) == ["size=512M"])
    #expect(values("-mon", arguments) == ["chardev=monitor,mode=control"])
  }

  @Test("the memory is resident and bound to the node of the plan")
  func memory() {
    #expect(
      values("-object", arguments(PeerFixture.guest)) == [
        "memory-backend-ram,id=ram,size=536870912,prealloc=on,host-nodes=1,policy=bind", "iothread,id=io0",
      ])
  }

  @Test("the disk has an iothread, a queue for each vCPU, and the cache mode that was asked for")
  func disk() {
    let direct = arguments(PeerFixture.guest)
    #expect(
      values("-blockdev", direct) == [
        "driver=file,node-name=file,filename=/d,,1.img,aio=native,cache.direct=on,read-only=off,auto-read-only=off,"
          + "locking=off,discard=unmap",
        "driver=raw,node-name=disk,file=file,cache.direct=on,read-only=off,discard=unmap",
      ])
    #expect(
      values("-device", direct).contains {
        $0.hasPrefix("virtio-blk-pci,drive=disk,iothread=io0,num-queues=2,queue-size=")
      })
    var guest = PeerFixture.guest
    guest.disk.engine = .ioUring
    guest.disk.isDirect = false
    guest.disk.isReadOnly = true
    guest.disk.isBlockDevice = true
    let cached = values("-blockdev", arguments(guest))
    #expect(cached[0].hasPrefix("driver=host_device,"))
    #expect(cached[0].contains("aio=io_uring,cache.direct=off,read-only=on"))
    #expect(cached[1].contains("cache.direct=off,read-only=on"))
  }

  @Test("the null engine is QEMU's own, as large as the disk")
  func nullEngine() {
    var guest = PeerFixture.guest
    guest.disk.engine = .null
    #expect(
      values("-blockdev", arguments(guest)) == [
        "driver=null-co,node-name=disk,size=8388608,read-zeroes=off,read-only=off"
      ])
  }

  @Test("a Linux guest has its kernel, its console and its shares; commas in paths are doubled")
  func linux() {
    let arguments = arguments(PeerFixture.guest)
    #expect(values("-kernel", arguments) == ["/boot/k"])
    #expect(values("-initrd", arguments) == ["/i"])
    #expect(values("-append", arguments) == ["console=ttyS0 quiet"])
    #expect(values("-chardev", arguments).contains("file,id=console,path=/c,,1"))
    #expect(
      values("-fsdev", arguments) == [
        "local,id=share0,path=/r,security_model=none,multidevs=remap,readonly=off",
        "local,id=share1,path=/,security_model=none,multidevs=remap,readonly=on",
      ])
    #expect(
      values("-device", arguments).contains("virtio-9p-pci,fsdev=share1,mount_tag=hostfs,disable-legacy=on"))
  }

  @Test("a micro guest has our firmware over the file that bench maps, and the disk where the firmware looks")
  func micro() {
    var guest = PeerFixture.guest
    guest.boot = .firmware(imagePath: "/f", ramPath: "/proc/1/fd/9")
    let arguments = arguments(guest, .pvm)
    #expect(values("-bios", arguments) == ["/f"])
    #expect(values("-kernel", arguments).isEmpty)
    #expect(values("-fsdev", arguments).isEmpty)
    #expect(
      values("-object", arguments)[0]
        == "memory-backend-file,id=ram,size=536870912,share=on,mem-path=/proc/1/fd/9,prealloc=on,host-nodes=1,policy=bind"
    )
    #expect(values("-device", arguments).contains { $0.hasSuffix("addr=\(PeerFirmware.diskDevice)") })
  }

  @Test("the guest's CPU is the host's, except where QEMU cannot run with it")
  func cpu() {
    #expect(values("-cpu", arguments(PeerFixture.guest, .svm)) == ["host"])
    #expect(values("-cpu", arguments(PeerFixture.guest, .tcg)) == ["EPYC,-svm,+x2apic"])
    #expect(values("-cpu", arguments(PeerFixture.guest, .pvm)) == ["qemu64,+x2apic"])
  }
}
