import HostSystem
import SystemPackage

/// The terminals that the consoles are connected to, and the serial ports.
struct GuestConsoles {
  let terminal: Terminal
  /// By the number of the serial port.
  let pseudoTerminals: [(port: Int, terminal: PseudoTerminal)]

  /// Opens the terminals; a real one is raw from here on.
  init(
    _ configuration: GuestConfiguration, machine: Machine, thread: DeviceThread, input: Int32, output: Int32
  ) throws(GuestError) {
    (terminal, pseudoTerminals) = try GuestError.attributing(to: .console) { () throws(Errno) in
      var pseudoTerminals: [(Int, PseudoTerminal)] = []
      for port in Set(configuration.pseudoTerminals).sorted() {
        pseudoTerminals.append((port, try PseudoTerminal(thread: thread)))
      }
      let terminal = try Terminal(
        input: input, output: output, thread: thread,
        onQuit: { [end = machine.endLatch] in end.end(.stopped) })
      return (terminal, pseudoTerminals)
    }
  }

  /// Puts COM1 to COM4 onto the ports.
  func makeSerialPorts(_ configuration: GuestConfiguration, machine: Machine) -> [SerialPort] {
    // COM1 and COM3 share a line, COM2 and COM4 the other.
    let lines = Dictionary(
      uniqueKeysWithValues: Set(SerialPort.Location.all.map(\.irq)).map {
        ($0, SharedInterruptLine(KVMInterruptLine(vm: machine.vm, gsi: $0)))
      })
    var ports: [SerialPort] = []
    for (index, location) in SerialPort.Location.all.enumerated() {
      guard let line = lines[location.irq] else { continue }
      var endpoint: (any ConsoleEndpoint)?
      if let place = pseudoTerminals.first(where: { $0.port == index }) {
        endpoint = place.terminal
      } else if index == 0, configuration.console == .serial {
        endpoint = terminal
      }
      let port = SerialPort(line: line.makeInput(), endpoint: endpoint)
      let isFree = machine.portBus.insert(port, start: UInt64(location.base.rawValue), byteCount: 8)
      precondition(isFree, "nothing else claims the serial ports")
      ports.append(port)
    }
    return ports
  }

  /// Reads input from now on.
  func start() throws(GuestError) {
    try GuestError.attributing(to: .console) { () throws(Errno) in
      try terminal.start()
      for (_, pseudoTerminal) in pseudoTerminals { try pseudoTerminal.start() }
    }
  }

  /// Writes what is left and gives the terminal back.
  func close() {
    terminal.close()
    for (_, pseudoTerminal) in pseudoTerminals { pseudoTerminal.close() }
  }
}
