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
    if let address = options.hostHardwareAddress {
      try configure(
        "hardware address",
        unsafe address.bytes.withUnsafeBufferPointer {
          unsafe linux_interface_set_hardware_address(interface, $0.baseAddress)
        })
    }
    if let mtu = options.mtu {
      try configure("MTU of \(mtu)", unsafe linux_interface_set_mtu(interface, Int32(mtu)))
    }
    if let script = options.script {
      try Self.run(script, interface: interface)
      isUp = true
    }
    if let address = options.hostAddress {
      try configure("address", unsafe linux_interface_set_address(interface, address.rawValue))
      try configure(
        "prefix length", unsafe linux_interface_set_prefix(interface, Int32(options.prefixLength)))
      try configure("state to up", unsafe linux_interface_bring_up(interface))
    }
  }

  private func configure(_ what: String, _ result: Int32) throws(TapError) {
    if result < 0 { throw .cannotConfigure(interface: interface, what: what, Errno(rawValue: -result)) }
  }

  private static func open(_ path: String) throws(TapError) -> OwnedDescriptor {
    do { return try OwnedDescriptor.open(path, flags: O_RDWR) } catch { throw .cannotOpen(path: path, error) }
  }

  private static func attach(name: String, queueCount: Int) throws(TapError) -> (String, [FramePort]) {
    let byteCount = Int(LINUX_INTERFACE_NAME_BYTE_COUNT)
    guard name.utf8.count < byteCount else { throw .nameTooLong(name) }
    var bytes = name.utf8.map(CChar.init(bitPattern:))
    bytes += [CChar](repeating: 0, count: byteCount - bytes.count)
    var ports: [FramePort] = []
    for _ in 0..<max(1, queueCount) {
      let descriptor = try open(cloneDevice)
      // SAFETY: the name has the room that the call wants. The kernel replaces a pattern, so that later queues find the first's.
      let result = unsafe bytes.withUnsafeMutableBufferPointer {
        unsafe linux_tap_attach(descriptor.rawValue, $0.baseAddress, queueCount > 1 ? 1 : 0)
      }
      guard result == 0 else { throw .cannotAttach(interface: name, Errno(rawValue: -result)) }
      ports.append(
        try port(
          descriptor, kind: queueCount > 1 ? .tapQueue : .tap(carriesHeader: true), interface: text(bytes)))
    }
    return (text(bytes), ports)
  }

  private static func adopt(_ descriptor: consuming OwnedDescriptor) throws(TapError) -> (String, [FramePort])
  {
    let number = descriptor.rawValue
    var bytes = [CChar](repeating: 0, count: Int(LINUX_INTERFACE_NAME_BYTE_COUNT))
    // SAFETY: the name has the room that the call wants.
    let result = unsafe bytes.withUnsafeMutableBufferPointer {
      unsafe linux_tap_describe(number, $0.baseAddress)
    }
    guard result >= 0 else {
      throw .notATap(descriptor: number, Errno(rawValue: -result))
    }
    let interface = text(bytes)
    return (interface, [try port(descriptor, kind: .tap(carriesHeader: result == 1), interface: interface)])
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
    let status = unsafe linux_run_program(script, interface)
    if status < 0 { throw .cannotRun(script: script, Errno(rawValue: -status)) }
    if status > 0 { throw .scriptFailed(script: script, interface: interface, status: status) }
  }

  private static func text(_ bytes: [CChar]) -> String {
    String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
