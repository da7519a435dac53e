import CLinux
import SystemPackage

/// A network interface of the host by its name, and the ends of taps and of frame sockets.
// SAFETY: a name is a C string, or an array of the length that the kernel wants, that lives until the call returns.
package struct NetworkInterface: Sendable {
  /// The interface's name.
  package let name: String

  /// Names an interface.
  package init(name: String) { self.name = name }

  /// Attaches `descriptor`, an open /dev/net/tun, to an interface, which is created if there is none (TUNSETIFF).
  ///
  /// - Parameter name: a name, or a pattern such as `tap%d` that the kernel completes.
  /// - Throws: ENAMETOOLONG for a name that is longer than the kernel's limit.
  package init(attaching descriptor: Int32, to name: String, isMultiQueue: Bool) throws(Errno) {
    var bytes = name.utf8.map(CChar.init(bitPattern:))
    guard bytes.count < Self.nameByteCount else { throw .fileNameTooLong }
    bytes += [CChar](repeating: 0, count: Self.nameByteCount - bytes.count)
    try check(
      unsafe bytes.withUnsafeMutableBufferPointer {
        unsafe linux_tap_attach(descriptor, $0.baseAddress, isMultiQueue ? 1 : 0)
      })
    self.name = Self.text(bytes)
  }

  /// The interface of the tap `descriptor`, and whether a virtio header is before each frame.
  package static func ofTap(
    _ descriptor: Int32
  ) throws(Errno) -> (interface: NetworkInterface, carriesHeader: Bool) {
    var bytes = [CChar](repeating: 0, count: nameByteCount)
    let result = unsafe bytes.withUnsafeMutableBufferPointer {
      unsafe linux_tap_describe(descriptor, $0.baseAddress)
    }
    try check(result)
    return (NetworkInterface(name: text(bytes)), result == 1)
  }

  /// Length of a name in the kernel's structures, its zero included.
  package static var nameByteCount: Int { Int(LINUX_INTERFACE_NAME_BYTE_COUNT) }

  /// Sets the hardware address. EINVAL for other than 6 bytes.
  package func setHardwareAddress(_ address: [UInt8]) throws(Errno) {
    guard address.count == 6 else { throw .invalidArgument }
    try check(unsafe linux_interface_set_hardware_address(name, address))
  }

  /// Sets the largest number of bytes of a packet.
  package func setMTU(_ byteCount: Int32) throws(Errno) {
    try check(unsafe linux_interface_set_mtu(name, byteCount))
  }

  /// Sets the IPv4 address.
  package func setAddress(_ address: UInt32) throws(Errno) {
    try check(unsafe linux_interface_set_address(name, address))
  }

  /// Sets how many bits of the address name the network.
  package func setPrefixLength(_ length: Int32) throws(Errno) {
    try check(unsafe linux_interface_set_prefix(name, length))
  }

  /// Makes the interface take part in traffic (IFF_UP).
  package func bringUp() throws(Errno) { try check(unsafe linux_interface_bring_up(name)) }

  /// Runs a program with the interface's name as its argument, and waits for its end.
  ///
  /// - Returns: its status.
  package func run(_ script: String) throws(Errno) -> Int32 {
    try check(unsafe linux_run_program(script, name))
  }

  /// Two connected sockets that keep the bounds of frames.
  package static func socketPair() throws(Errno) -> (Int32, Int32) {
    var (first, second): (Int32, Int32) = (-1, -1)
    try check(unsafe linux_frame_socket_pair(&first, &second))
    return (first, second)
  }

  private static func text(_ bytes: [CChar]) -> String {
    String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
