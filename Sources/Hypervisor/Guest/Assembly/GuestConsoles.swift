import HostSystem
import SystemPackage

/// The terminals of the consoles, and the serial ports.
struct GuestConsoles {
  let terminal: Terminal
  /// The pseudo-terminals with the numbers of their serial ports.
  let pseudoTerminals: [(port: Int, terminal: PseudoTerminal)]

  /// Opens the terminals; a real terminal is in raw mode from now on.
  init(
    _ configuration: GuestConfiguration, machine: Machine, thread: DeviceThread, input: Int32, output: Int32
  ) throws(GuestError) {
    (terminal, pseudoTerminals) = try GuestError.attributing(to: .console) { () throws(Errno) in
      var pseudoTerminals: [(Int, PseudoTerminal)] = []
      for port in Set(configuration.pseudoTerminals).sorted() {
        pseudoTerminals.append((port, try PseudoTerminal(thread: thread)))
      }
      let terminal = try Terminal(
        input: input, output: output, thread: thread, encodesInput: configuration.encodesInput,
        onQuit: { [end = machine.endLatch] in end.end(.stopped) })
      return (terminal, pseudoTerminals)
    }
  }

  /// Makes COM1 to COM4 on the port bus.
  func makeSerialPorts(_ configuration: GuestConfiguration, machine: Machine) -> [SerialPort] {
    // COM1 and COM3 share a line, and so do COM2 and COM4.
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
      let awaitsDriver = configuration.inputAwaitsDriver && endpoint === terminal
      let port = SerialPort(line: line.makeInput(), endpoint: endpoint, awaitsDriver: awaitsDriver)
      let isFree = machine.portBus.insert(port, start: UInt64(location.base.rawValue), byteCount: 8)
      precondition(isFree, "nothing else claims the serial ports")
      ports.append(port)
    }
    return ports
  }

  /// Starts reading input.
  func start() throws(GuestError) {
    try GuestError.attributing(to: .console) { () throws(Errno) in
      try terminal.start()
      for (_, pseudoTerminal) in pseudoTerminals { try pseudoTerminal.start() }
    }
  }

  /// Writes the remaining output and restores the terminal.
  func close() {
    terminal.close()
    for (_, pseudoTerminal) in pseudoTerminals { pseudoTerminal.close() }
  }
}
