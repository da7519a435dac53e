/// The kernel's command line: lkvm's parameters, the root, and the user's parameters.
public struct KernelParameters: Equatable, Sendable {
  /// The guest's root file system.
  public enum Root: Equatable, Sendable {
    /// The user's RAM disk or parameters name the root.
    case none
    /// The first virtio-blk disk.
    case firstDisk
    /// A folder shared by virtio-9p under ``GuestRootDirectory/rootTag``. `initProgram` starts it; nil for a complete
    /// distribution.
    case share(tag: String, initProgram: String?)
  }

  /// The console on the terminal.
  public var console: GuestConfiguration.Console
  /// The part of a frame buffer among the consoles.
  public enum Display: Equatable, Sendable {
    /// There is none.
    case none
    /// It shows the kernel's messages. ``KernelParameters/console`` is the console of programs.
    case shown
    /// It is the console of programs, too; ``KernelParameters/console`` shows the kernel's messages.
    case preferred
  }

  /// What the frame buffer is for.
  public var display: Display
  /// The root file system.
  public var root: Root
  /// Whether the machine has the port for the exit code of the guest's command; only lkvm has it.
  public var hasExitPort: Bool
  /// `lkvm.net=` of the guest's init or `ip=` of the kernel; nil if the guest configures its network itself.
  public var network: String?
  /// The size of the console's terminal; nil if the console goes to a file or a pipe.
  public var terminal: ConsoleSize?
  /// Whether the guest's init decodes the command's input from the console (`ConsoleInputCode`) and passes it on through
  /// a pipe.
  public var pipesInput: Bool
  /// The user's parameters, in order.
  public var user: [String]
  /// Whether the kernel gets only the user's parameters.
  public var onlyUser: Bool

  /// Makes parameters for a console and a root.
  public init(
    console: GuestConfiguration.Console, display: Display = .none, root: Root, network: String? = nil,
    terminal: ConsoleSize? = nil,
    pipesInput: Bool = false, user: [String] = [], onlyUser: Bool = false, hasExitPort: Bool = true
  ) {
    self.console = console
    self.display = display
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
    var words = Self.base + (display == .none ? Self.noInput : [])
    // The last console is that of programs.
    let isQuiet = given.split(separator: " ").contains("quiet")
    if display == .shown { words.append(Self.displayConsole) }
    words += Self.words(for: console, isQuiet: isQuiet)
    if display == .preferred { words.append(Self.displayConsole) }
    if case .share(_, .some) = root { words += initWords }
    // Two `ip=` words may configure two interfaces, so that the user's replaces ours.
    if let network, !network.hasPrefix("ip=") || !Self.names("ip", in: given) { words.append(network) }
    // The user's root replaces ours.
    if !Self.names("root", in: given) { words += Self.words(for: root, given: given) }
    // The user's words come last, because the last of two contradicting ones counts: "ro" overrides our "rw".
    if !given.isEmpty { words.append(given) }
    return words.joined(separator: " ")
  }

  /// Restart through the keyboard controller, also at once after a panic.
  private static let base = ["reboot=k", "panic=1"]
  /// No probing for a mouse, no lights of the keyboard: for a machine without a display.
  private static let noInput = ["i8042.noaux=1", "i8042.dumbkbd=1"]
  /// The text console on the frame buffer.
  private static let displayConsole = "console=tty0"

  private static func words(for console: GuestConfiguration.Console, isQuiet: Bool) -> [String] {
    switch console {
    // "quiet" does not suppress early messages, so that they are left out.
    case .serial: (isQuiet ? [] : ["earlyprintk=serial"]) + ["console=ttyS0"]
    // Early messages could only go to the serial port, which is not shown.
    case .virtio: ["console=hvc0"]
    }
  }

  /// The parameters of lkvm's own init.
  private var initWords: [String] {
    // Without a terminal the output goes to a file, which should have no carriage returns. A frame buffer has a size of its own.
    let output = terminal.map { "lkvm.window=\($0.columns)x\($0.rows)" } ?? "lkvm.crlf=0"
    return ["lkvm.exit=" + (hasExitPort ? "\(ExitStatusPort.port)" : "none")]
      + (display == .preferred ? [] : [output]) + (pipesInput ? ["lkvm.input=pipe"] : [])
  }

  private static func words(for root: Root, given: String) -> [String] {
    switch root {
    case .none: return []
    case .firstDisk: return ["root=/dev/vda", "rw"]
    case .share(let tag, let initProgram):
      let mount = [
        "root=\(tag)", "rw", "rootfstype=9p",
        "rootflags=trans=virtio,version=9p2000.L,msize=524288,cache=mmap",
      ]
      guard let initProgram, !names("init", in: given) else { return mount }
      return mount + ["init=\(initProgram)"]
    }
  }

  private static func names(_ parameter: String, in text: String) -> Bool {
    text.split(separator: " ").contains { $0.hasPrefix("\(parameter)=") }
  }
}
