/// The kernel's command line: what a guest of ours is given, what the user adds, and the root that follows from both.
public struct KernelParameters: Equatable, Sendable {
  /// Where the guest's root file system is.
  public enum Root: Equatable, Sendable {
    /// In the user's RAM disk, or where the user's parameters say.
    case none
    /// The first virtio-blk disk.
    case firstDisk
    /// A folder shared by virtio-9p under ``GuestRootDirectory/rootTag``; `initProgram` starts it, unless it is a whole distribution's.
    case share(tag: String, initProgram: String?)
  }

  /// The console on the terminal.
  public var console: GuestConfiguration.Console
  /// Where the root is.
  public var root: Root
  /// Whether the machine has the port that takes the exit code of the guest's command: only lkvm has it.
  public var hasExitPort: Bool
  /// `lkvm.net=` of the guest's init or `ip=` of the kernel, or nil where the guest sees to its network.
  public var network: String?
  /// The terminal that the console is on; nil where it goes to a file or a pipe.
  public var terminal: ConsoleSize?
  /// Whether the guest's init reads the command's input from the console as `ConsoleInputCode` has it, and hands it on
  /// through a pipe.
  public var pipesInput: Bool
  /// The user's own parameters, in order.
  public var user: [String]
  /// Whether the user's parameters are all that the kernel gets.
  public var onlyUser: Bool

  /// Parameters for a console and a root.
  public init(
    console: GuestConfiguration.Console, root: Root, network: String? = nil, terminal: ConsoleSize? = nil,
    pipesInput: Bool = false, user: [String] = [], onlyUser: Bool = false, hasExitPort: Bool = true
  ) {
    self.console = console
    self.root = root
    self.network = network
    self.terminal = terminal
    self.pipesInput = pipesInput
    self.user = user
    self.onlyUser = onlyUser
    self.hasExitPort = hasExitPort
  }

  /// The command line.
  public var text: String {
    let given = user.joined(separator: " ")
    guard !onlyUser else { return given }
    var words = Self.base + Self.words(for: console, isQuiet: given.split(separator: " ").contains("quiet"))
    if case .share(_, .some) = root { words += initWords }
    // The system of a disk might take the user's `ip=` for a second interface's.
    if let network, !network.hasPrefix("ip=") || !Self.names("ip", in: given) { words.append(network) }
    // A root of the user's replaces ours.
    if !Self.names("root", in: given) { words += Self.words(for: root, given: given) }
    // The user's words come last, because the last of two contradicting ones counts: "ro" overrides our "rw".
    if !given.isEmpty { words.append(given) }
    return words.joined(separator: " ")
  }

  /// Restart by the keyboard controller, at once and also after a panic, and no probing for what is not there.
  private static let base = ["reboot=k", "panic=1", "i8042.noaux=1", "i8042.dumbkbd=1"]

  private static func words(for console: GuestConfiguration.Console, isQuiet: Bool) -> [String] {
    switch console {
    // A kernel that shall be quiet would show its early messages all the same.
    case .serial: (isQuiet ? [] : ["earlyprintk=serial"]) + ["console=ttyS0"]
    // Early messages have no other way than the serial port, which nobody sees: leave them out.
    case .virtio: ["console=hvc0"]
    }
  }

  /// The parameters of lkvm's own init.
  private var initWords: [String] {
    // Nobody wants carriage returns in a file.
    let output = terminal.map { "lkvm.window=\($0.columns)x\($0.rows)" } ?? "lkvm.crlf=0"
    return ["lkvm.exit=" + (hasExitPort ? "\(ExitStatusPort.port)" : "none"), output]
      + (pipesInput ? ["lkvm.input=pipe"] : [])
  }

  private static func words(for root: Root, given: String) -> [String] {
    switch root {
    case .none: return []
    case .firstDisk: return ["root=/dev/vda", "rw"]
    case .share(let tag, let initProgram):
      let mount = [
        "root=\(tag)", "rw", "rootfstype=9p",
        "rootflags=trans=virtio,version=9p2000.L,msize=524288,cache=loose",
      ]
      guard let initProgram, !names("init", in: given) else { return mount }
      return mount + ["init=\(initProgram)"]
    }
  }

  private static func names(_ parameter: String, in text: String) -> Bool {
    text.split(separator: " ").contains { $0.hasPrefix("\(parameter)=") }
  }
}
