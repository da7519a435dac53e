import Hypervisor
import Testing

struct KernelParametersTests {
  private static func parameters(
    console: GuestConfiguration.Console = .serial, display: KernelParameters.Display = .none,
    root: KernelParameters.Root = .none, network: String? = nil,
    terminal: ConsoleSize? = nil, user: [String] = [], onlyUser: Bool = false
  ) -> [String] {
    KernelParameters(
      console: console, display: display, root: root, network: network, terminal: terminal, user: user,
      onlyUser: onlyUser
    ).text.split(separator: " ").map(String.init)
  }

  private static let share = KernelParameters.Root.share(tag: "/dev/root", initProgram: "/virt/init")

  @Test func `a kernel restarts at once, by itself after a panic, and writes to the console`() {
    #expect(
      Self.parameters() == [
        "reboot=k", "panic=1", "i8042.noaux=1", "i8042.dumbkbd=1", "earlyprintk=serial", "console=ttyS0",
      ])
    #expect(Self.parameters(console: .virtio).suffix(1) == ["console=hvc0"])
    #expect(!Self.parameters(console: .virtio).contains("earlyprintk=serial"))
  }

  @Test func `a kernel with a display uses keyboard and mouse, and its last console is that of programs`() {
    let preferred = Self.parameters(display: .preferred)
    #expect(!preferred.contains { $0.hasPrefix("i8042.") })
    #expect(preferred.suffix(2) == ["console=ttyS0", "console=tty0"])
    #expect(Self.parameters(console: .virtio, display: .shown).suffix(2) == ["console=tty0", "console=hvc0"])
    let size = ConsoleSize(columns: 80, rows: 25)
    #expect(
      !Self.parameters(display: .preferred, root: Self.share, terminal: size).contains("lkvm.window=80x25"))
    #expect(Self.parameters(display: .shown, root: Self.share, terminal: size).contains("lkvm.window=80x25"))
  }

  @Test func `a quiet kernel has no early messages`() {
    #expect(!Self.parameters(user: ["quiet"]).contains("earlyprintk=serial"))
    #expect(Self.parameters(user: ["notquiet"]).contains("earlyprintk=serial"))
  }

  @Test func `a kernel parameter says whether there is a port for the exit code`() {
    #expect(Self.parameters(root: Self.share).contains("lkvm.exit=244"))
    let elsewhere = KernelParameters(console: .serial, root: Self.share, hasExitPort: false).text
    #expect(elsewhere.split(separator: " ").contains("lkvm.exit=none"))
  }

  @Test func `the first disk is the root unless the user names another`() {
    #expect(Self.parameters(root: .firstDisk).suffix(2) == ["root=/dev/vda", "rw"])
    #expect(Self.parameters(root: .firstDisk, user: ["ro"]).suffix(3) == ["root=/dev/vda", "rw", "ro"])
    let own = Self.parameters(root: .firstDisk, user: ["root=/dev/vda2 ro"])
    #expect(own.suffix(2) == ["root=/dev/vda2", "ro"])
    #expect(own.count { $0.hasPrefix("root=") } == 1)
    // Another parameter that ends like it does not count.
    #expect(Self.parameters(root: .firstDisk, user: ["myroot=1"]).contains("root=/dev/vda"))
  }

  @Test func `a shared root is mounted by 9p and started by lkvm's init`() {
    let words = Self.parameters(root: Self.share)
    #expect(words.contains("root=/dev/root"))
    #expect(words.contains("rootfstype=9p"))
    #expect(words.last == "init=/virt/init")
    #expect(
      Self.parameters(root: Self.share, user: ["ro", "-- single"]).suffix(3) == ["ro", "--", "single"])
    #expect(Self.parameters(root: Self.share, user: ["init=/bin/sh"]).last != "init=/virt/init")
    let distribution = Self.parameters(root: .share(tag: "/dev/root", initProgram: nil))
    #expect(!distribution.contains { $0.hasPrefix("init=") || $0.hasPrefix("lkvm.") })
  }

  @Test func `kernel parameters give lkvm's init the terminal and the network`() {
    let words = Self.parameters(
      root: Self.share, network: "lkvm.net=1.2.3.4/24,1.2.3.1,1.2.3.3",
      terminal: ConsoleSize(columns: 132, rows: 43))
    #expect(words.contains("lkvm.window=132x43"))
    #expect(words.contains("lkvm.net=1.2.3.4/24,1.2.3.1,1.2.3.3"))
    #expect(Self.parameters(root: Self.share).contains("lkvm.crlf=0"))
  }

  @Test func `without defaults there are only the user's words`() {
    #expect(Self.parameters(root: .firstDisk, user: ["a=1", "b"], onlyUser: true) == ["a=1", "b"])
    #expect(Self.parameters(root: Self.share, network: "lkvm.net=x", onlyUser: true) == [])
  }
}
