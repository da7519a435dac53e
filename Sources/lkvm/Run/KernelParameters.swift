import Hypervisor

/// The kernel's command line: what lkvm gives, what the user adds, and the root that follows from both.
struct KernelParameters: Equatable {
  /// Where the guest's root file system is.
  enum Root: Equatable {
    /// In the user's RAM disk, or where the user's parameters say.
    case none
    /// The first virtio-blk disk.
    case firstDisk
    /// A folder shared by virtio-9p under ``GuestStorage/rootTag``; `initProgram` starts it, unless it is a whole distribution's.
    case share(tag: String, initProgram: String?)
  }

  /// The console on the terminal.
  var console: ConsoleOption
  /// Where the root is.
  var root: Root
  /// `lkvm.net=` of the guest's init, or nil where the guest sees to its network.
  var network: String?
  /// The terminal that lkvm writes to; nil where it writes to a file or a pipe.
  var terminal: ConsoleSize?
  /// `--params`, in order.
  var user: [String]
  /// `--nodefaults`: the user's parameters alone.
  var onlyUser: Bool

  /// The command line.
  var text: String {
    let given = user.joined(separator: " ")
    guard !onlyUser else { return given }
    var words = Self.base + Self.words(for: console, isQuiet: given.split(separator: " ").contains("quiet"))
    if case .share(_, .some) = root { words += initWords }
    if let network { words.append(network) }
    if !given.isEmpty { words.append(given) }
    // The user's own root goes before ours.
    if !Self.names("root", in: given) { words += Self.words(for: root, given: given) }
    return words.joined(separator: " ")
  }

  /// Restart by the keyboard controller, at once and also after a panic, and no probing for what is not there.
  private static let base = ["reboot=k", "panic=1", "i8042.noaux=1", "i8042.dumbkbd=1"]

  private static func words(for console: ConsoleOption, isQuiet: Bool) -> [String] {
    switch console {
    // A kernel that shall be quiet would show its early messages all the same.
    case .serial: (isQuiet ? [] : ["earlyprintk=serial"]) + ["console=ttyS0"]
    // Early messages have no other way than the serial port, which nobody sees: leave them out.
    case .virtio: ["console=hvc0"]
    }
  }

  /// What lkvm's own init in the guest is told.
  private var initWords: [String] {
    // Nobody wants carriage returns in a file.
    let output = terminal.map { "lkvm.window=\($0.columns)x\($0.rows)" } ?? "lkvm.crlf=0"
    return ["lkvm.exit=\(ExitStatusPort.port)", output]
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
