import HostSystem
import Testing

@testable import Bench

struct KvmtoolTests {
  @Test("kvmtool gets the same kernel, disk, cache mode and shares")
  func arguments() {
    var guest = PeerFixture.guest
    guest.disk.path = "/d.img"
    #expect(
      KvmtoolCommand(guest: guest, linux: PeerFixture.linux).arguments == [
        "run", "--name", "guest3", "--kernel", "/boot/k", "--initrd", "/i", "--params", "console=ttyS0 quiet",
        "--mem", "512", "--cpus", "2", "--console", "serial", "--network", "mode=none",
        "--disk", "/d.img,direct", "--9p", "/r,/dev/root", "--9p", "/,hostfs",
      ])
    guest.disk.isReadOnly = true
    guest.disk.isDirect = false
    #expect(KvmtoolCommand(guest: guest, linux: PeerFixture.linux).arguments.contains("/d.img,ro"))
  }

  @Test("its threads are recognized by their names, vCPUs in the order of their numbers")
  func threads() {
    func thread(_ id: Int32) -> ProcessThread { ProcessThread(process: 1, thread: ForeignThread(id: id)) }
    let threads = KvmtoolProgram.threads([
      ("lkvm", thread(1)), ("kvm-vcpu-10", thread(12)), ("kvm-vcpu-2", thread(4)),
      ("virtio-blk-io", thread(5)),
      ("virtio-9p-work", thread(6)), ("kvm-vcpu-x", thread(7)),
    ])
    #expect(threads == PeerThreads(vcpus: [thread(4), thread(12)], ioThreads: [thread(5)]))
  }
}
