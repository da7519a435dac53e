import CLinux
import HostSystem
import Synchronization
import SystemPackage

/// A tap interface of the host, with one port for each of its queues.
///
/// An interface that was created for it disappears with the ports.
public final class TapDevice: Sendable {
  private static let cloneDevice = "/dev/net/tun"

  /// The interface's name.
  public let interface: String
  /// The port of each queue.
  public let ports: [FramePort]
  private let downScript: String?
  private let isClosed = Atomic<Bool>(false)

  /// Opens a tap and sets it up. Blocks while its script runs.
  public init(_ options: TapOptions) throws(TapError) {
    switch options.source {
    case .interface(let name):
      (interface, ports) = try Self.attach(name: name, queueCount: options.queueCount)
    case .macvtap(let path):
      (interface, ports) = try Self.adopt(Self.open(path))
    case .descriptor(let descriptor):
      (interface, ports) = try Self.adopt(OwnedDescriptor(adopting: descriptor))
    }
    downScript = options.downScript
    var isUp = false
    do throws(TapError) {
      try configure(options, isUp: &isUp)
    } catch {
      // Runs the script that takes the tap down; the first error is the one to report.
      if isUp { try? close() }
      throw error
    }
  }

  /// Runs the script that takes the interface down. Further calls have no effect.
  public func close() throws(TapError) {
    guard !isClosed.exchange(true, ordering: .relaxed), let downScript else { return }
    try Self.run(downScript, interface: interface)
  }

  private func configure(_ options: TapOptions, isUp: inout Bool) throws(TapError) {
    let interface = NetworkInterface(name: self.interface)
    if let address = options.hostHardwareAddress {
      try configure("hardware address") { () throws(Errno) in
        try interface.setHardwareAddress(address.bytes)
      }
    }
    if let mtu = options.mtu {
      try configure("MTU of \(mtu)") { () throws(Errno) in try interface.setMTU(Int32(mtu)) }
    }
    if let script = options.script {
      try Self.run(script, interface: self.interface)
      isUp = true
    }
    if let address = options.hostAddress {
      try configure("address") { () throws(Errno) in try interface.setAddress(address.rawValue) }
      try configure("prefix length") { () throws(Errno) in
        try interface.setPrefixLength(Int32(options.prefixLength))
      }
      try configure("state to up") { () throws(Errno) in try interface.bringUp() }
    }
  }

  private func configure(_ what: String, _ call: () throws(Errno) -> Void) throws(TapError) {
    do throws(Errno) { try call() } catch {
      throw .cannotConfigure(interface: interface, what: what, error)
    }
  }

  private static func open(_ path: String) throws(TapError) -> OwnedDescriptor {
    do { return try OwnedDescriptor.open(path, flags: O_RDWR) } catch { throw .cannotOpen(path: path, error) }
  }

  private static func attach(name: String, queueCount: Int) throws(TapError) -> (String, [FramePort]) {
    guard name.utf8.count < NetworkInterface.nameByteCount else { throw .nameTooLong(name) }
    var interface = NetworkInterface(name: name)
    var ports: [FramePort] = []
    for _ in 0..<max(1, queueCount) {
      let descriptor = try open(cloneDevice)
      do throws(Errno) {
        // The kernel replaces a pattern, so that later queues find the first's.
        interface = try NetworkInterface(
          attaching: descriptor.rawValue, to: interface.name, isMultiQueue: queueCount > 1)
      } catch {
        throw .cannotAttach(interface: name, error)
      }
      ports.append(
        try port(
          descriptor, kind: queueCount > 1 ? .tapQueue : .tap(carriesHeader: true),
          interface: interface.name))
    }
    return (interface.name, ports)
  }

  private static func adopt(_ descriptor: consuming OwnedDescriptor) throws(TapError) -> (String, [FramePort])
  {
    let number = descriptor.rawValue
    let tap: (interface: NetworkInterface, carriesHeader: Bool)
    do throws(Errno) { tap = try NetworkInterface.ofTap(number) } catch {
      throw .notATap(descriptor: number, error)
    }
    let name = tap.interface.name
    return (name, [try port(descriptor, kind: .tap(carriesHeader: tap.carriesHeader), interface: name)])
  }

  /// Makes a port, after a check that it supports the features that a driver may negotiate.
  private static func port(
    _ descriptor: consuming OwnedDescriptor, kind: FramePort.Kind, interface: String
  ) throws(TapError) -> FramePort {
    do {
      let port = try FramePort(adopting: descriptor, kind: kind)
      try port.agree(
        headerByteCount: VirtioNetProtocol.headerByteCount,
        offloads: [.checksum, .segmentation4, .segmentation6])
      try port.takePart(false)
      return port
    } catch {
      throw .cannotSetUp(interface: interface, call: "virtio header", error)
    }
  }

  private static func run(_ script: String, interface: String) throws(TapError) {
    let status: Int32
    do throws(Errno) { status = try NetworkInterface(name: interface).run(script) } catch {
      throw .cannotRun(script: script, error)
    }
    if status > 0 { throw .scriptFailed(script: script, interface: interface, status: status) }
  }
}
